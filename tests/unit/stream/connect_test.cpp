// Client sockets by host and port, and by path.
#include "common/stream/connect.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "tests/support/temporary_directory.h"
#include "tests/unit/stream/drive.h"

namespace farhand::test {
namespace {

struct Listener {
  UniqueFd fd;
  std::uint16_t port = 0;
};

Listener listen_tcp() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), name, length) != 0 || ::listen(fd.get(), 1) != 0) throw_errno("listen");
  ::getsockname(fd.get(), name, &length);
  return {std::move(fd), ntohs(address.sin_port)};
}

UniqueFd listen_unix(const std::string& path, int backlog = 8) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw_errno("bind");
  if (::listen(fd.get(), backlog) != 0) throw_errno("listen");
  return fd;
}

void expect_ready_socket(const UniqueFd& fd) {
  EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

void expect_failure(const Result<UniqueFd>& result, ErrorCode code, const std::string& says) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code);
  EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
}

TEST(ConnectTcp, ReachesAListenerByNumberAndByName) {
  const Listener listener = listen_tcp();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto fd = connect_tcp(host, listener.port, test_deadline());
    ASSERT_TRUE(fd) << fd.error().message;
    expect_ready_socket(*fd);
  }
}

TEST(ConnectTcp, ARefusalSaysThatTheHostAnswers) {
  std::uint16_t port = 0;
  port = listen_tcp().port;  // closed again at the end of the line
  expect_failure(connect_tcp("127.0.0.1", port, test_deadline()), ErrorCode::kCannotConnect, "refused");
}

TEST(ConnectTcp, AnUnknownHostIsNamed) {
  expect_failure(connect_tcp("no-such-host.invalid", 1, test_deadline()), ErrorCode::kCannotConnect,
                 "cannot find host 'no-such-host.invalid'");
}

// A listener whose queue is full lets further attempts go unanswered, as a host that is down does.
TEST(ConnectTcp, NoAnswerIsTimedOutAtTheDeadline) {
  const Listener listener = listen_tcp();
  ASSERT_EQ(::listen(listener.fd.get(), 0), 0);
  std::vector<UniqueFd> queue;
  for (int i = 0; i < 8; ++i) {
    auto fd = connect_tcp("127.0.0.1", listener.port, Deadline::after(std::chrono::milliseconds(100)));
    if (!fd) {
      expect_failure(fd, ErrorCode::kCannotConnect, "no answer from '127.0.0.1' port");
      return;
    }
    queue.push_back(*std::move(fd));
  }
  FAIL() << "the queue took every connection";
}

TEST(ConnectTcp, WhatIsNoHostIsRefusedUnasked) {
  for (const std::string& host : {std::string(), std::string("-oProxyCommand=x"), std::string("a\nb"),
                                  std::string("a\0b", 3), std::string("a\x7f")}) {
    expect_failure(connect_tcp(host, 1, test_deadline()), ErrorCode::kUsage, "not the name of a host");
  }
}

TEST(ConnectUnix, ReachesAListener) {
  const TemporaryDirectory directory;
  const UniqueFd listener = listen_unix(directory / "s");
  const auto fd = connect_unix(directory / "s", test_deadline());
  ASSERT_TRUE(fd) << fd.error().message;
  expect_ready_socket(*fd);
}

TEST(ConnectUnix, ReachesAListenerWhosePathIsLongerThanAnAddressHolds) {
  const TemporaryDirectory directory;
  const UniqueFd listener = listen_unix(directory / "s");
  const std::string deep(120, 'd');
  directory.make_directory(deep);
  const std::string long_path = directory / (deep + "/" + std::string(200, 'n'));
  ASSERT_EQ(::rename((directory / "s").c_str(), long_path.c_str()), 0);
  const auto fd = connect_unix(long_path, test_deadline());
  ASSERT_TRUE(fd) << fd.error().message;
  expect_ready_socket(*fd);
}

TEST(ConnectUnix, NobodyThereSaysWhatToDo) {
  const TemporaryDirectory directory;
  { const UniqueFd stale = listen_unix(directory / "stale"); }
  for (const std::string& path : {directory / "stale", directory / "none", directory / std::string(150, 'n')}) {
    expect_failure(connect_unix(path, test_deadline()), ErrorCode::kCannotConnect,
                   "nothing listens on '" + path + "': start rserver there, or name another host with -H");
  }
}

TEST(ConnectUnix, AFullQueueIsTimedOutAtTheDeadline) {
  const TemporaryDirectory directory;
  const UniqueFd listener = listen_unix(directory / "s", 0);
  const auto first = connect_unix(directory / "s", test_deadline());
  ASSERT_TRUE(first);
  expect_failure(connect_unix(directory / "s", Deadline::after(std::chrono::milliseconds(100))),
                 ErrorCode::kCannotConnect, "no answer on");
}

TEST(ConnectUnix, WhatIsNoPathIsRefused) {
  for (const std::string& path : {std::string(), std::string("a\0b", 3)}) {
    expect_failure(connect_unix(path, test_deadline()), ErrorCode::kUsage, "not the path of a socket");
  }
}

}  // namespace
}  // namespace farhand::test
