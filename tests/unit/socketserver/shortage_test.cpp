// Out of descriptors: no spinning, no exit, recovery without help.
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <functional>

#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::Counter;
using testing::EchoHandler;
using testing::kNever;
using testing::Observed;
using testing::Serving;
using testing::StayingHandler;
using ShortageTest = testing::SocketServerTest;

// Lets the process open no further descriptor until the end of the scope.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 3;  // the standard streams' numbers; what is open stays open, and poll still takes three entries
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
  NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;
  ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

template <class Server>
class CountingAccepts : public Observed<Server> {
 public:
  using Observed<Server>::Observed;
  ~CountingAccepts() override { this->close_in_destructor(); }
  Counter attempts;

 private:
  std::optional<Incoming> get_request() override {
    attempts.add();
    return Observed<Server>::get_request();
  }
};

TEST_F(ShortageTest, DoesNotSpinAndRecoversByItself) {
  CountingAccepts<ThreadingTCPServer> server(any_port(), handler<EchoHandler>());
  const Serving serving(server);
  Client client(server.server_address());
  EXPECT_EQ(client.exchange("before"), "before");

  farhand::UniqueFd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::optional<NoDescriptorsLeft> shortage(std::in_place);
  const auto start = std::chrono::steady_clock::now();
  const auto endpoint = server.server_address().endpoint();
  ASSERT_EQ(::connect(second.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), 0);
  ASSERT_TRUE(server.errors.reaches(1));
  // Attempts are a pause apart: the sixth comes after four whole pauses at the least.
  const int first = server.attempts.value();
  ASSERT_TRUE(server.attempts.reaches(first + 5));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 4 * server.options().shortage_pause);
  EXPECT_EQ(server.errors.value(), 1) << "a shortage is reported once";
  EXPECT_EQ(client.exchange("meanwhile"), "meanwhile");

  shortage.reset();
  EXPECT_EQ(Client(server.server_address()).exchange("after"), "after");
}

TEST_F(ShortageTest, ARequestThatEndsCutsThePauseShort) {
  Counter came;
  Counter left;
  Observed<ThreadingTCPServer> server(any_port(), handler<StayingHandler>(std::ref(came), std::ref(left)),
                                      {.shortage_pause = kNever});
  const Serving serving(server);
  Client client(server.server_address());
  ASSERT_TRUE(came.reaches(1));
  farhand::UniqueFd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const NoDescriptorsLeft shortage;
    const auto endpoint = server.server_address().endpoint();
    ASSERT_EQ(::connect(second.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), 0);
    ASSERT_TRUE(server.errors.reaches(1));
  }
  client.close();
  EXPECT_TRUE(came.reaches(2));
  second.reset();
}

TEST_F(ShortageTest, ShutdownEndsThePause) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>(), {.shortage_pause = kNever});
  Serving serving(server);
  farhand::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const NoDescriptorsLeft shortage;
  const auto endpoint = server.server_address().endpoint();
  ASSERT_EQ(::connect(client.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), 0);
  ASSERT_TRUE(server.errors.reaches(1));
  serving.stop();
}

TEST_F(ShortageTest, AnOwnLoopIsNotWokenDuringThePause) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>(), {.shortage_pause = kNever});
  server.open();
  const Client client(server.server_address());
  pollfd entry{server.fileno(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
  const NoDescriptorsLeft shortage;
  EXPECT_FALSE(server.handle_pending_request());
  EXPECT_EQ(server.errors.value(), 1);
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
}

}  // namespace
}  // namespace socketserver
