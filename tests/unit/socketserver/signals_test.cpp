// Signals: StopOnSignals, and interruptions that must not cut a transfer short.
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include <csignal>
#include <functional>
#include <stdexcept>

#include "common/bytes.h"
#include "common/event_fd.h"
#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::EchoHandler;
using testing::kNever;
using testing::Serving;
using SignalsTest = testing::SocketServerTest;

void (*disposition_of(int signal))(int) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

TEST_F(SignalsTest, EachOfTheUsualSignalsEndsServeForever) {
  for (const int signal : {SIGINT, SIGTERM}) {
    TCPServer server(any_port(), handler<EchoHandler>());
    const StopOnSignals stop(server);
    Serving serving(server);
    EXPECT_EQ(Client(server.server_address()).exchange("up"), "up");
    ::raise(signal);
    serving.wait_end();
  }
}

TEST_F(SignalsTest, OneSignalEndsSeveralServers) {
  TCPServer one(any_port(), handler<EchoHandler>());
  ThreadingUDPServer two(any_port(), handler<DatagramRequestHandler>());
  const StopOnSignals stop({one, two});
  Serving serving_one(one);
  Serving serving_two(two);
  ::raise(SIGTERM);
  serving_one.wait_end();
  serving_two.wait_end();
}

TEST_F(SignalsTest, ASignalThatComesBeforeTheLoopIsKeptForIt) {
  TCPServer server(any_port(), handler<EchoHandler>());
  server.open();
  const StopOnSignals stop(server);
  ::raise(SIGTERM);
  server.serve_forever(kNever);
}

TEST_F(SignalsTest, ASignalUnderARequestLetsItEnd) {
  class Raising : public BaseRequestHandler {
    void handle() override {
      ::raise(SIGTERM);
      request().sendall(farhand::bytes_of("whole"));
    }
  };
  TCPServer server(any_port(), handler<Raising>());
  const StopOnSignals stop(server);
  Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).receive_all(), "whole");
  serving.wait_end();
}

void ours(int) {}

TEST_F(SignalsTest, WhatSignalsDidBeforeIsRestored) {
  auto* const before = ::signal(SIGTERM, &ours);
  {
    TCPServer server(any_port(), handler<EchoHandler>());
    const StopOnSignals stop(server);
    EXPECT_NE(disposition_of(SIGTERM), &ours);
  }
  EXPECT_EQ(disposition_of(SIGTERM), &ours);
  EXPECT_EQ(disposition_of(SIGINT), SIG_DFL);
  ::signal(SIGTERM, before);
}

TEST_F(SignalsTest, ASignalInheritedAsIgnoredStaysIgnored) {
  auto* const before = ::signal(SIGINT, SIG_IGN);
  {
    TCPServer server(any_port(), handler<EchoHandler>());
    const StopOnSignals stop(server);
    EXPECT_EQ(disposition_of(SIGINT), SIG_IGN);
    EXPECT_NE(disposition_of(SIGTERM), SIG_DFL);
  }
  EXPECT_EQ(disposition_of(SIGINT), SIG_IGN);
  ::signal(SIGINT, before);
}

TEST_F(SignalsTest, AListOfSignalsMayBeGiven) {
  TCPServer server(any_port(), handler<EchoHandler>());
  const StopOnSignals stop(server, {SIGUSR1});
  EXPECT_EQ(disposition_of(SIGTERM), SIG_DFL);
  Serving serving(server);
  ::raise(SIGUSR1);
  serving.wait_end();
}

TEST_F(SignalsTest, ASecondOneBesideTheFirstIsRefusedAndTheFirstStays) {
  TCPServer server(any_port(), handler<EchoHandler>());
  const StopOnSignals stop(server);
  EXPECT_THROW(StopOnSignals second(server), std::logic_error);
  Serving serving(server);
  ::raise(SIGTERM);
  serving.wait_end();
}

TEST_F(SignalsTest, ASignalThatCannotBeHandledIsRefusedAndNothingStays) {
  TCPServer server(any_port(), handler<EchoHandler>());
  EXPECT_THROW(StopOnSignals(server, {SIGTERM, SIGKILL}), std::system_error);
  EXPECT_EQ(disposition_of(SIGTERM), SIG_DFL);
  EXPECT_NO_THROW(StopOnSignals{server});
}

TEST_F(SignalsTest, RequestsToStopThatRaceWithTheEndOfALoopNeitherHangNorSpin) {
  testing::Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  server.open();
  std::atomic<bool> over = false;
  std::thread asking([&] {
    while (!over) server.request_shutdown();
  });
  for (int i = 0; i < 2000; ++i) server.serve_forever(kNever);
  over = true;
  asking.join();
  // What was asked last may be left for one more loop; after that it serves, and waits without spinning.
  server.request_shutdown();
  server.serve_forever(kNever);
  const int turns = server.turns.value();
  const Serving serving(server);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Client(server.server_address()).exchange("on"), "on");
  EXPECT_LE(server.turns.value() - turns, 60);
}

bool rings(const StopSwitch& stop) {
  pollfd entry{stop.fd(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// The deterministic half of the race above: a ring that comes after its request was used up must not keep a loop awake.
TEST_F(SignalsTest, ALateRingIsCalmedAndARequestIsNot) {
  StopSwitch stop;
  ASSERT_EQ(::eventfd_write(stop.fd(), 1), 0);
  stop.calm();
  EXPECT_FALSE(rings(stop));
  stop.request();
  stop.calm();
  EXPECT_TRUE(rings(stop));
  EXPECT_TRUE(stop.stopped());
}

// ---- A storm of signals, none of which restarts what it interrupts ----

farhand::EventFd* storm_bell = nullptr;
std::atomic<int> storm_signals = 0;

void on_alarm(int) {
  ++storm_signals;
  storm_bell->ring();
}

class SignalStorm {
 public:
  SignalStorm() {
    storm_bell = &bell_;
    storm_signals = 0;
    struct sigaction action {};
    action.sa_handler = &on_alarm;  // no SA_RESTART
    ::sigaction(SIGALRM, &action, &before_);
    set_interval(1000);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;
  ~SignalStorm() {
    set_interval(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  // Waits on a thread that the signals spare.
  static void wait_for(int count) {
    while (storm_signals < count) {
      pollfd entry{storm_bell->fd(), POLLIN, 0};
      ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
      storm_bell->clear();
    }
  }

 private:
  static void set_interval(suseconds_t microseconds) {
    const itimerval every{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  farhand::EventFd bell_;
  struct sigaction before_ {};
};

std::thread spared(const std::function<void()>& work) {
  sigset_t alarms;
  sigset_t before;
  ::sigemptyset(&alarms);
  ::sigaddset(&alarms, SIGALRM);
  ::pthread_sigmask(SIG_BLOCK, &alarms, &before);
  std::thread thread(work);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

constexpr std::size_t kSeveralMegabytes = std::size_t{8} << 20;

class Pouring : public BaseRequestHandler {
 public:
  // With a timeout it waits in poll(2), without in send(2).
  explicit Pouring(bool with_timeout) : with_timeout_(with_timeout) {}

 private:
  void handle() override {
    if (with_timeout_) request().settimeout(testing::kPatience);
    request().sendall(std::vector<std::byte>(kSeveralMegabytes, std::byte{'p'}));
  }
  const bool with_timeout_;
};

template <class Server>
void expect_the_storm_cuts_nothing(const Address& address, bool with_timeout) {
  const auto server = testing::make_server<testing::Observed<Server>>(address, handler<Pouring>(with_timeout), {});
  server->open();
  std::string got;
  {
    const SignalStorm storm;
    std::thread reader = spared([&] {
      Client client(server->server_address());
      SignalStorm::wait_for(20);  // by now sendall has filled every buffer, and stands
      got = client.receive(kSeveralMegabytes);
    });
    EXPECT_TRUE(server->handle_request());
    reader.join();
  }
  EXPECT_EQ(got, std::string(kSeveralMegabytes, 'p'));
  EXPECT_EQ(server->error_texts(), std::vector<std::string>{});
}

TEST_F(SignalsTest, AStormOfSignalsDoesNotCutATcpTransfer) {
  for (const bool with_timeout : {false, true}) expect_the_storm_cuts_nothing<TCPServer>(any_port(), with_timeout);
}

TEST_F(SignalsTest, AStormOfSignalsDoesNotCutAUnixTransfer) {
  const testing::TemporaryDirectory directory;
  for (const bool with_timeout : {false, true}) {
    expect_the_storm_cuts_nothing<UnixStreamServer>(Address::local(directory.path("s")), with_timeout);
  }
}

}  // namespace
}  // namespace socketserver
