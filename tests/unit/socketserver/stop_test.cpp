// Stopping: from outside, from inside, early, late, and never by waiting for a poll interval.
#include <functional>
#include <future>
#include <stdexcept>

#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::Counter;
using testing::EchoHandler;
using testing::kNever;
using testing::kPatience;
using testing::Observed;
using testing::Serving;
using testing::StayingHandler;
using StopTest = testing::SocketServerTest;

TEST_F(StopTest, ShutdownWakesTheLoopAtOnce) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  Serving serving(server, kNever);
  EXPECT_EQ(Client(server.server_address()).exchange("up"), "up");
  const auto before = std::chrono::steady_clock::now();
  serving.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, kPatience);
}

// CPython's race of start and stop: a request that comes before the loop must not be lost.
TEST_F(StopTest, TwentyServersStartAndStop) {
  for (int round = 0; round < 20; ++round) {
    std::vector<std::unique_ptr<ThreadingTCPServer>> servers;
    std::vector<std::unique_ptr<Serving>> serving;
    for (int i = 0; i < 20; ++i) {
      servers.push_back(std::make_unique<ThreadingTCPServer>(any_port(), handler<EchoHandler>()));
      serving.push_back(std::make_unique<Serving>(*servers.back()));
    }
    for (auto& each : serving) each->stop();
    for (auto& each : servers) each->server_close();
  }
}

TEST_F(StopTest, ShutdownBeforeServingIsKeptAndDoesNotBlock) {
  TCPServer server(any_port(), handler<EchoHandler>());
  server.open();
  server.shutdown();
  server.serve_forever(kNever);
  // It is used up: the next loop serves.
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("on"), "on");
}

TEST_F(StopTest, ShutdownWaitsForTheRequestThatTheLoopItselfHandles) {
  Counter came;
  Counter left;
  TCPServer server(any_port(), handler<StayingHandler>(std::ref(came), std::ref(left)));
  Serving serving(server);
  Client client(server.server_address());
  ASSERT_TRUE(came.reaches(1));
  auto stopped = std::async(std::launch::async, [&] { server.shutdown(); });
  EXPECT_EQ(stopped.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  client.close();
  ASSERT_EQ(stopped.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(left.value(), 1);
  serving.wait_end();
}

TEST_F(StopTest, ShutdownDoesNotWaitForRequestsOnThreads) {
  Counter came;
  Counter left;
  ThreadingTCPServer server(any_port(), handler<StayingHandler>(std::ref(came), std::ref(left)));
  Serving serving(server);
  Client client(server.server_address());
  ASSERT_TRUE(came.reaches(1));
  serving.stop();
  EXPECT_EQ(left.value(), 0);
  client.close();
  server.server_close();
  EXPECT_EQ(left.value(), 1);
}

class StoppingHandler : public BaseRequestHandler {
  void handle() override { server().shutdown(); }
};

TEST_F(StopTest, ShutdownFromAHandlerOnTheServingThreadDoesNotDeadlock) {
  TCPServer server(any_port(), handler<StoppingHandler>());
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).receive_all(), "");
  serving.wait_end();
}

TEST_F(StopTest, ShutdownFromAHandlerOnAThreadDoesNotDeadlock) {
  ThreadingTCPServer server(any_port(), handler<StoppingHandler>());
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).receive_all(), "");
  serving.wait_end();
}

class ClosingHandler : public BaseRequestHandler {
  void handle() override { server().server_close(); }
};

TEST_F(StopTest, ServerCloseFromAHandlerEndsTheLoop) {
  TCPServer server(any_port(), handler<ClosingHandler>());
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).receive_all(), "");
  serving.wait_end();
  EXPECT_FALSE(server.is_open());
}

TEST_F(StopTest, ServerCloseFromAHandlersThreadIsRefusedAndTheServerGoesOn) {
  Observed<ThreadingTCPServer> server(any_port(), handler<ClosingHandler>());
  const Serving serving(server);
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(Client(server.server_address()).receive_all(), "");
    EXPECT_TRUE(server.errors.reaches(i));
  }
}

TEST_F(StopTest, ServerCloseFromElsewhereEndsTheLoopFirst) {
  TCPServer server(any_port(), handler<EchoHandler>());
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("up"), "up");
  server.server_close();
  serving.wait_end();
}

TEST_F(StopTest, ShutdownFromManyThreadsAtOnceReturnsInAll) {
  TCPServer server(any_port(), handler<EchoHandler>());
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("up"), "up");
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 8; ++i) stoppers.emplace_back([&] { server.shutdown(); });
  for (auto& each : stoppers) each.join();
  serving.wait_end();
}

TEST_F(StopTest, ASecondLoopBesideTheFirstIsAnError) {
  TCPServer server(any_port(), handler<EchoHandler>());
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("up"), "up");
  EXPECT_THROW(server.serve_forever(), std::logic_error);
}

TEST_F(StopTest, ServiceActionsRunWhenNobodyComes) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  const Serving serving(server, std::chrono::milliseconds(1));
  EXPECT_TRUE(server.turns.reaches(5));
}

}  // namespace
}  // namespace socketserver
