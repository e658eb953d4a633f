// How connections end: connection_lost() exactly once with the right reason, from inside any hook, and nobody else
// hurt.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include "tests/unit/events/support.h"

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::echoing;
using testing::Hooks;
using testing::Notes;
using testing::noting;
using testing::Running;
using EndTest = testing::EventsTest;
using namespace std::chrono_literals;

// A server with these hooks, beside an honest echo server on the same loop.
class Served {
 public:
  explicit Served(Hooks hooks, ReactorOptions options = {})
      : reactor_(options),
        address_(reactor_.listen_tcp(any_port(), noting(notes, std::move(hooks))).get_host()),
        honest_address_(reactor_.listen_tcp(any_port(), noting(honest_notes, echoing())).get_host()),
        honest_(honest_address_),
        running(reactor_) {
    EXPECT_EQ(honest_.exchange("before"), "before");
  }
  ~Served() {
    EXPECT_EQ(honest_.exchange("after"), "after") << "another connection was hurt";
    running.stop();
    EXPECT_EQ(notes.made.value(), notes.lost.value()) << "connection_lost() comes once for each connection_made()";
  }
  [[nodiscard]] const socketserver::Address& address() const { return address_; }

  Notes notes;

 private:
  Notes honest_notes;
  Reactor reactor_;
  const socketserver::Address address_;
  const socketserver::Address honest_address_;
  Client honest_;

 public:
  Running running;
};

TEST_F(EndTest, APeerThatClosesIsACleanEnd) {
  Served served({});
  Client(served.address()).send("x");
  EXPECT_EQ(served.notes.first_ending(), Ending::kPeerEnded);
  EXPECT_TRUE(served.notes.ends().front().clean());
}

TEST_F(EndTest, AResetIsALostConnection) {
  Served served({});
  Client client(served.address());
  ASSERT_TRUE(served.notes.made.reaches(1));
  testing::reset(client);
  EXPECT_EQ(served.notes.first_ending(), Ending::kLost);
  EXPECT_EQ(served.notes.ends().front().error, std::errc::connection_reset);
  EXPECT_EQ(served.notes.ends().front().to_string(), "the connection was lost: Connection reset by peer");
}

TEST_F(EndTest, ClosingSendsEverythingFirstEvenToAPeerThatStillSends) {
  const std::string answer = testing::pattern(3'000'000);
  Hooks hooks;
  hooks.received = [&](Transport& transport, farhand::Bytes) {
    transport.write(answer);
    transport.lose_connection();
    EXPECT_FALSE(transport.connected());
  };
  Served served(hooks);
  Client client(served.address());
  // More than one read: what is left would make a plain close a reset, which destroys the answer on its way.
  client.send(std::string(200'000, 'x'));
  EXPECT_TRUE(client.receive(answer.size() + 1) == answer);
  client.close();
  EXPECT_EQ(served.notes.first_ending(), Ending::kClosed);
  EXPECT_LE(served.notes.received.value(), 64 * 1024) << "data_received() after lose_connection()";
}

// A close at once would answer what the peer still sends with a reset.
TEST_F(EndTest, APeerThatStillSendsAfterTheGoodbyeIsNotReset) {
  Hooks hooks;
  hooks.received = [](Transport& transport, farhand::Bytes) {
    transport.write("refused");
    transport.lose_connection();
  };
  Served served(hooks, {.linger = std::chrono::hours(1)});
  Client client(served.address());
  client.send("x");
  EXPECT_EQ(client.receive_all(), "refused");
  for (int count = 0; count < 3; ++count) client.send("and more");
  client.close();
  EXPECT_EQ(served.notes.first_ending(), Ending::kClosed);
}

TEST_F(EndTest, TheFirstReasonIsTheOneThatIsTold) {
  Hooks hooks;
  hooks.received = [](Transport& transport, farhand::Bytes) {
    transport.abort_connection();
    throw 42;
  };
  Served served(hooks);
  Client client(served.address());
  client.send("x");
  EXPECT_EQ(served.notes.first_ending(), Ending::kAborted);
  EXPECT_EQ(served.notes.error_texts(), std::vector<std::string>{"42"});
}

TEST_F(EndTest, APeerThatStaysAfterTheGoodbyeIsClosedAllTheSame) {
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.lose_connection();
  };
  Served served(hooks, {.linger = 20ms});
  Client client(served.address());
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(served.notes.first_ending(), Ending::kClosed);
}

TEST_F(EndTest, APeerThatDoesNotReadCannotHoldUpAClose) {
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.write(std::string(8'000'000, 'x'));
    transport.lose_connection();
  };
  Served served(hooks, {.flush_patience = 50ms});
  const auto client = testing::silent_client(served.address());
  EXPECT_EQ(served.notes.first_ending(), Ending::kTimedOut);
}

TEST_F(EndTest, AbortIsAReset) {
  Hooks hooks;
  hooks.received = [](Transport& transport, farhand::Bytes) {
    transport.write("never sent");
    transport.abort_connection();
    transport.abort_connection();
    transport.lose_connection();
  };
  Served served(hooks);
  Client client(served.address());
  client.send("x");
  char byte = 0;
  EXPECT_EQ(::recv(client.fd(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(served.notes.first_ending(), Ending::kAborted);
}

TEST_F(EndTest, AnIdleConnectionTimesOutAndABusyOneDoesNot) {
  Hooks hooks = echoing();
  hooks.made = [](Transport& transport) {
    transport.set_timeout(300ms);
  };
  Served served(hooks);
  Client busy(served.address());
  Client idle(served.address());
  const auto until = std::chrono::steady_clock::now() + 900ms;
  pollfd entry{idle.fd(), POLLIN, 0};
  while (std::chrono::steady_clock::now() < until) {
    EXPECT_EQ(busy.exchange("x"), "x");
    ::poll(&entry, 1, 20);
  }
  EXPECT_EQ(served.notes.first_ending(), Ending::kTimedOut);
  EXPECT_EQ(served.notes.lost.value(), 1);
}

TEST_F(EndTest, ATimeoutMayHaveALastWord) {
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.set_timeout(10ms);
  };
  hooks.timed_out = [](Transport& transport) {
    transport.write("too slow");
    transport.lose_connection();
  };
  Served served(hooks);
  Client client(served.address());
  EXPECT_EQ(client.receive_all(), "too slow");
  client.close();
  EXPECT_EQ(served.notes.first_ending(), Ending::kClosed);
}

TEST_F(EndTest, WhatIsThrownFromAnyHookEndsThatConnectionOnlyAndIsReported) {
  const auto fail = [](Transport&) {
    throw std::runtime_error("hook");
  };
  std::vector<Hooks> cases(6);
  cases[0].made = fail;
  cases[1].received = [](Transport&, farhand::Bytes) {
    throw 42;
  };
  cases[2].peer_ended = fail;
  cases[3].lost = [](Transport&, const Reason&) {
    throw std::runtime_error("hook");
  };
  cases[4].paused = fail;
  cases[4].received = [](Transport& transport, farhand::Bytes) {
    transport.write(std::string(8'000'000, 'x'));
  };
  cases[5].timed_out = fail;
  cases[5].made = [](Transport& transport) {
    transport.set_timeout(1ms);
  };
  for (std::size_t number = 0; number < cases.size(); ++number) {
    SCOPED_TRACE(number);
    Served served(cases[number]);
    const auto client = testing::silent_client(served.address());
    // Each case fails by itself or by one of these.
    static_cast<void>(::send(client.get(), "x", 1, MSG_NOSIGNAL));
    if (number == 2 || number == 3) ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(served.notes.first_ending(), number == 3 ? Ending::kPeerEnded : Ending::kFailed);
    ASSERT_TRUE(served.notes.errors.reaches(1));
    EXPECT_EQ(served.notes.error_texts().front(), number == 1 ? "42" : "hook");
  }
}

TEST_F(EndTest, EndingFromInsideAnyHookIsSafe) {
  using End = void (*)(Transport&);
  const End aborting = [](Transport& transport) {
    transport.abort_connection();
  };
  const End closing = [](Transport& transport) {
    transport.lose_connection();
  };
  const End stopping = [](Transport& transport) {
    transport.reactor().call_later(1ms, [] {});
  };
  for (const End end : {aborting, closing, stopping}) {
    for (int which = 0; which < 6; ++which) {
      SCOPED_TRACE(which);
      Hooks hooks;
      const auto many = [](Transport& transport, farhand::Bytes) {
        transport.write(std::string(1'000'000, 'x'));
      };
      if (which == 0) hooks.made = end;
      if (which == 1)
        hooks.received = [end](Transport& transport, farhand::Bytes) {
          end(transport);
        };
      if (which == 2)
        hooks.peer_ended = [end](Transport& transport) {
          end(transport), transport.lose_connection();
        };
      if (which == 3)
        hooks.lost = [end](Transport& transport, const Reason&) {
          end(transport);
        };
      if (which == 4) hooks.paused = end, hooks.received = many;
      if (which == 5) hooks.resumed = end, hooks.received = many;
      Served served(hooks);
      Client client(served.address());
      static_cast<void>(::send(client.fd(), "x", 1, MSG_NOSIGNAL));
      client.end_writing();
      client.receive_all();
      client.close();
      EXPECT_TRUE(served.notes.lost.reaches(1));
    }
  }
}

TEST_F(EndTest, AfterTheEndTheTransportTakesNothing) {
  std::shared_ptr<Transport> kept;  // on purpose longer than it should be
  Hooks hooks;
  const auto try_all = [](Transport& transport) {
    transport.write("late");
    transport.send_file({}, 0, 1);
    transport.set_timeout(1ms);
    transport.pause_reading();
    transport.resume_reading();
    transport.lose_write();
    transport.lose_connection();
    transport.abort_connection();
    EXPECT_FALSE(transport.connected());
    EXPECT_TRUE(transport.write_paused()) << "a producer would go on for ever";
    EXPECT_EQ(transport.queued_bytes(), 0U);
    EXPECT_EQ(transport.get_host(), socketserver::Address());
  };
  hooks.made = [&](Transport& transport) {
    kept = transport.shared_from_this();
  };
  hooks.lost = [&](Transport& transport, const Reason&) {
    try_all(transport);
  };
  Served served(hooks);
  Client(served.address()).send("x");
  ASSERT_TRUE(served.notes.lost.reaches(1));
  served.running.in_loop([&] {
    try_all(*kept);
    kept.reset();
  });
  served.running.in_loop([] {});
  EXPECT_EQ(served.notes.lost.value(), 1);
}

TEST_F(EndTest, AHalfClosedConnectionGoesOnIfTheProtocolWantsItSo) {
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.write("mine");
    transport.lose_write();
    transport.write("too late");
  };
  hooks.peer_ended = [](Transport& transport) {
    transport.reactor().call_later(10ms, [weak = transport.weak_from_this()] {
      if (const auto alive = weak.lock()) alive->lose_connection();
    });
  };
  Served served(hooks);
  Client client(served.address());
  EXPECT_EQ(client.receive_all(), "mine");
  client.send("yours");
  client.end_writing();
  EXPECT_TRUE(served.notes.received.reaches(5));
  EXPECT_EQ(served.notes.first_ending(), Ending::kPeerEnded);
}

TEST_F(EndTest, StoppingEndsEveryConnectionWithThatReason) {
  Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  Running running(reactor);
  Client one(address);
  Client two(address);
  EXPECT_EQ(one.exchange("x"), "x");
  EXPECT_EQ(two.exchange("x"), "x");
  running.stop();
  EXPECT_EQ(notes.lost.value(), 2);
  for (const auto& each : notes.ends()) EXPECT_EQ(each.ending, Ending::kStopped);
  EXPECT_EQ(one.receive_all(), "");
  EXPECT_EQ(reactor.connections(), 0U);
}

}  // namespace
}  // namespace events
