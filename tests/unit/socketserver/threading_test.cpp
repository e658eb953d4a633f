// ThreadingMixIn: many at once, limits, who waits for whom, and what happens when there is no thread to be had.
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include <functional>
#include <stdexcept>

#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::Counter;
using testing::EchoHandler;
using testing::Observed;
using testing::Serving;
using testing::StayingHandler;

class ThreadingTest : public testing::SocketServerTest {
 protected:
  StreamHandlerFactory staying() { return handler<StayingHandler>(std::ref(came_), std::ref(left_)); }
  Counter came_;
  Counter left_;
};

TEST_F(ThreadingTest, ManyClientsAreServedAtOnce) {
  ThreadingTCPServer server(any_port(), handler<EchoHandler>());
  const Serving serving(server);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.server_address());
  for (Client& client : clients) EXPECT_EQ(client.exchange("all"), "all");
  EXPECT_EQ(server.live_threads(), 20U);
}

TEST_F(ThreadingTest, ThreadsAreReapedWhileServing) {
  Observed<ThreadingTCPServer> server(any_port(), staying());
  const Serving serving(server);
  const auto before = testing::running_threads();
  for (int i = 0; i < 1000; ++i) Client(server.server_address()).close();
  ASSERT_TRUE(left_.reaches(1000));
  // Nobody comes any more, and still they go.
  const auto until = std::chrono::steady_clock::now() + testing::kPatience;
  const auto over = [&] {
    return server.live_threads() == 0 && testing::running_threads() <= before;
  };
  while (!over() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(over());
}

TEST_F(ThreadingTest, ServerCloseJoinsWhatIsUnderWay) {
  ThreadingTCPServer server(any_port(), staying());
  Serving serving(server);
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(server.server_address());
  ASSERT_TRUE(came_.reaches(5));
  serving.stop();
  clients.clear();
  server.server_close();
  EXPECT_EQ(left_.value(), 5);
  EXPECT_EQ(server.live_threads(), 0U);
}

TEST_F(ThreadingTest, WithoutBlockOnCloseTheDestructorJoins) {
  Client* held = nullptr;
  {
    ThreadingTCPServer server(any_port(), staying(), {.threading = {.block_on_close = false}});
    Serving serving(server);
    Client client(server.server_address());
    held = &client;
    ASSERT_TRUE(came_.reaches(1));
    serving.stop();
    server.server_close();
    EXPECT_EQ(server.live_threads(), 1U);
    held->close();
  }
  EXPECT_EQ(left_.value(), 1);
}

TEST_F(ThreadingTest, DaemonThreadsAreCutByTheDestructor) {
  auto server =
      std::make_unique<ThreadingTCPServer>(any_port(), staying(), ServerOptions{.threading = {.daemon_threads = true}});
  Serving serving(*server);
  Client client(server->server_address());
  ASSERT_TRUE(came_.reaches(1));
  serving.stop();
  server->server_close();
  EXPECT_EQ(server->live_threads(), 1U);
  server.reset();
  EXPECT_EQ(left_.value(), 1);
  EXPECT_EQ(client.receive_all(), "");
}

TEST_F(ThreadingTest, AtMaxThreadsNewcomersWaitUntilOneEnds) {
  Observed<ThreadingTCPServer> server(any_port(), staying(), {.threading = {.max_threads = 2}});
  const Serving serving(server);
  Client first(server.server_address());
  Client second(server.server_address());
  ASSERT_TRUE(came_.reaches(2));
  Client third(server.server_address());
  // The loop has met the third client and turned it down; it does so in one turn, not in an endless row of them.
  ASSERT_TRUE(server.turns.reaches(3));
  EXPECT_EQ(came_.value(), 2);
  EXPECT_EQ(server.live_threads(), 2U);
  first.close();
  EXPECT_TRUE(came_.reaches(3));
  EXPECT_LE(server.turns.value(), 6);
  second.close();
  third.close();
  EXPECT_TRUE(left_.reaches(3));
}

TEST_F(ThreadingTest, AFullServersDescriptorIsNotReadable) {
  ThreadingTCPServer server(any_port(), staying(), {.threading = {.max_threads = 1}});
  server.open();
  Client first(server.server_address());
  ASSERT_TRUE(server.handle_request());
  Client second(server.server_address());
  EXPECT_FALSE(server.handle_pending_request());
  pollfd entry{server.fileno(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  first.close();
  const int patience = static_cast<int>(std::chrono::milliseconds(testing::kPatience).count());
  EXPECT_EQ(::poll(&entry, 1, patience), 1);
  EXPECT_TRUE(server.handle_pending_request());
  second.close();
}

TEST_F(ThreadingTest, MaxThreadsHoldsUnderAStorm) {
  Observed<ThreadingTCPServer> server(any_port(), handler<EchoHandler>(), {.threading = {.max_threads = 3}});
  const Serving serving(server);
  std::vector<std::thread> storm;
  std::atomic<int> answered = 0;
  std::atomic<bool> exceeded = false;
  for (int i = 0; i < 8; ++i) {
    storm.emplace_back([&] {
      for (int round = 0; round < 40; ++round) {
        if (Client(server.server_address()).exchange("storm") == "storm") ++answered;
        if (server.live_threads() > 3) exceeded = true;
      }
    });
  }
  for (auto& each : storm) each.join();
  EXPECT_EQ(answered, 8 * 40);
  EXPECT_FALSE(exceeded);
  EXPECT_TRUE(server.shutdowns.reaches(8 * 40));
}

// Raises the limit on descriptors until the end of the scope, for this process and those forked from it.
class ManyDescriptors {
 public:
  explicit ManyDescriptors(rlim_t wanted) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit more = before_;
    more.rlim_cur = std::max(wanted, before_.rlim_cur);
    more.rlim_max = std::max(wanted, before_.rlim_max);
    enough_ = ::setrlimit(RLIMIT_NOFILE, &more) == 0;
  }
  ManyDescriptors(const ManyDescriptors&) = delete;
  ManyDescriptors& operator=(const ManyDescriptors&) = delete;
  ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  [[nodiscard]] bool enough() const { return enough_; }

 private:
  rlimit before_{};
  bool enough_ = false;
};

TEST_F(ThreadingTest, ThousandsOfSilentClientsDoNotStopAWellBehavedOne) {
  const int silent = testing::kSanitizer ? 500 : 5000;
  const ManyDescriptors limit(static_cast<rlim_t>(silent) + 200);
  if (!limit.enough()) GTEST_SKIP() << "this machine allows too few descriptors";
  testing::ServerProcess process([](testing::Report& report) {
    ThreadingTCPServer server(any_port(), handler<EchoHandler>());
    testing::serve_until_sigterm(report, server);
  });
  std::vector<Client> clients;
  for (int i = 0; i < silent; ++i) clients.emplace_back(process.address());
  EXPECT_EQ(Client(process.address()).exchange("well-behaved"), "well-behaved");
  EXPECT_EQ(clients.back().exchange("the last of the silent"), "the last of the silent");
}

class ThrowingAnInt : public BaseRequestHandler {
  void handle() override { throw 42; }  // NOLINT(hicpp-exception-baseclass): that is the point
};

TEST_F(ThreadingTest, AThrownIntReachesHandleErrorAndTheServerGoesOn) {
  Observed<ThreadingTCPServer> server(any_port(), handler<ThrowingAnInt>());
  const Serving serving(server);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(Client(server.server_address()).receive_all(), "");
    ASSERT_TRUE(server.errors.reaches(i));
  }
  EXPECT_EQ(server.error_texts(), (std::vector<std::string>{"42", "42", "42"}));
}

TEST_F(ThreadingTest, ThreadsThatCannotBeCreatedEndTheirRequestOnly) {
  // More than the address space holds.
  const std::size_t impossible_stack = std::size_t{1} << 48;
  Observed<ThreadingTCPServer> server(any_port(), handler<EchoHandler>(),
                                      {.threading = {.thread_stack_bytes = impossible_stack}});
  const Serving serving(server);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(Client(server.server_address()).receive_all(), "");
    ASSERT_TRUE(server.errors.reaches(i));
    ASSERT_TRUE(server.shutdowns.reaches(i));
  }
  EXPECT_EQ(server.live_threads(), 0U);
}

class StackHandler : public BaseRequestHandler {
 public:
  explicit StackHandler(std::size_t& bytes) : bytes_(bytes) {}

 private:
  void handle() override {
    pthread_attr_t attributes;
    ASSERT_EQ(::pthread_getattr_np(::pthread_self(), &attributes), 0);
    ::pthread_attr_getstacksize(&attributes, &bytes_);
    ::pthread_attr_destroy(&attributes);
  }
  std::size_t& bytes_;
};

TEST_F(ThreadingTest, TheStackIsAsLargeAsAskedFor) {
  std::size_t bytes = 0;
  ThreadingTCPServer server(any_port(), handler<StackHandler>(std::ref(bytes)));
  server.open();
  const Client client(server.server_address());
  ASSERT_TRUE(server.handle_request());
  server.server_close();
  EXPECT_GE(bytes, 256U * 1024);
  EXPECT_LT(bytes, 8U << 20);
}

}  // namespace
}  // namespace socketserver
