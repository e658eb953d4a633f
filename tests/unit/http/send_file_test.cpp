// Sending files where sendfile(2) fails, or fails half way: what both servers rest on.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include "server/events/outbox.h"
#include "server/socketserver/file_sender.h"
#include "tests/support/deny_syscall.h"
#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;

struct Pair {
  Pair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours = farhand::UniqueFd(ends[0]);
    peers = farhand::UniqueFd(ends[1]);
  }
  farhand::UniqueFd ours, peers;
};

std::string receive(int fd, std::size_t most) {
  std::string text(most, '\0');
  std::size_t have = 0;
  while (have < most) {
    const auto got = ::recv(fd, text.data() + have, most - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

class SendFileTest : public HttpTest {
 protected:
  SendFileTest() {
    for (std::size_t at = 0; at < content.size(); ++at) content[at] = static_cast<char>(at * 31 + at / 1009);
    write_file(files_.path("file"), content);
  }
  [[nodiscard]] farhand::UniqueFd open() const {
    return farhand::UniqueFd(::open(files_.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  }
  std::string content = std::string(4 << 20, '\0');

 private:
  TemporaryDirectory files_;
};

// When the peer goes in the middle of a call, the call tells how much was sent before, and the signal comes all the
// same: once it ended the server, whenever a client left during a download.
TEST_F(SendFileTest, APeerThatLeavesHalfWayRaisesNoSignal) {
  ::signal(SIGPIPE, SIG_DFL);
  const auto file = open();
  for (int count = 0; count < 40; ++count) {
    Pair pair;
    // So that it waits between two parts of the file: within one, what is cut is the part and nothing is signalled.
    const int small = 4096;
    ASSERT_EQ(::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    std::thread leaving([&pair] {
      EXPECT_EQ(receive(pair.peers.get(), 100'000).size(), 100'000U);
      pair.peers.reset();
    });
    if (count % 2 == 0) {
      events::Outbox queue;
      queue.append_file(open(), 0, content.size());
      EXPECT_LT(queue.send(pair.ours.get(), content.size()).bytes, content.size());
    } else {
      EXPECT_THROW(socketserver::FileSender(pair.ours.get(), std::nullopt).send(file.get(), 0, content.size()),
                   std::system_error);
    }
    leaving.join();
  }
}

// File systems that cannot splice, and old kernels.
TEST_F(SendFileTest, WhereTheKernelCannotSendAFileItIsCopied) {
  for (const int error : {EINVAL, ENOSYS}) {
    for (const bool waits : {true, false}) {
      Pair pair;
      bool denied = false;
      std::uint64_t sent = 0;
      std::thread sender([&] {
        denied = farhand::test::deny_syscall(SYS_sendfile, error);
        const auto file = open();
        const auto timeout = waits ? std::nullopt : std::optional<std::chrono::milliseconds>(kPatience);
        if (denied) sent = socketserver::FileSender(pair.ours.get(), timeout).send(file.get(), 5, content.size());
        pair.ours.reset();
      });
      const std::string got = receive(pair.peers.get(), content.size());
      sender.join();
      if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
      EXPECT_EQ(sent, content.size() - 5) << "the file ended before what was asked";
      EXPECT_TRUE(got == content.substr(5));
    }
  }
}

TEST_F(SendFileTest, TheEventLoopCopiesItAsWell) {
  Pair pair;
  bool denied = false;
  std::thread sender([&] {
    denied = farhand::test::deny_syscall(SYS_sendfile, EINVAL);
    events::Outbox queue;
    queue.append_file(open(), 5, content.size() - 5);
    while (denied && !queue.empty()) {
      const auto sent = queue.send(pair.ours.get(), 256 * 1024);
      pollfd room{pair.ours.get(), POLLOUT, 0};
      if (sent.error == EAGAIN && ::poll(&room, 1, 20'000) == 1) continue;
      EXPECT_EQ(sent.error, 0);
      EXPECT_FALSE(sent.short_file);
      if (sent.bytes == 0) break;
    }
    pair.ours.reset();
  });
  const std::string got = receive(pair.peers.get(), content.size());
  sender.join();
  if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
  EXPECT_TRUE(got == content.substr(5));
}

}  // namespace
}  // namespace http
