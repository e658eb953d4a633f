// The loop: delayed and posted calls, stopping from everywhere, and running out of descriptors.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <stdexcept>

#include "tests/unit/events/support.h"

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::Counter;
using testing::echoing;
using testing::Notes;
using testing::noting;
using testing::Running;
using ReactorTest = testing::EventsTest;
using namespace std::chrono_literals;

TEST_F(ReactorTest, DelayedCallsComeInOrderOfTimeAndThenOfAsking) {
  Reactor reactor;
  std::string order;
  const auto comes = [&](char name) {
    order += name;
    if (order.size() == 5) reactor.stop();
  };
  reactor.call_later(20ms, [&] { comes('e'); });
  reactor.call_later(0ms, [&] { comes('a'); });
  auto cancelled = reactor.call_later(1ms, [&] { comes('x'); });
  reactor.call_later(1ms, [&] {
    comes('b');
    reactor.call_later(0ms, [&] { comes('d'); });
  });
  reactor.call_later(1ms, [&] { comes('c'); });
  reactor.call_later(1h, [&] { comes('y'); });
  reactor.call_later(std::chrono::milliseconds::max(), [&] { comes('z'); });
  EXPECT_TRUE(cancelled.active());
  cancelled.cancel();
  cancelled.cancel();
  EXPECT_FALSE(cancelled.active());
  reactor.run();
  // One that is asked for late, on a machine that was held up, may be due only after the last.
  EXPECT_TRUE(order == "abcde" || order == "abced") << order;
}

TEST_F(ReactorTest, ACallMayCancelItselfAndOthersAndOutliveTheReactor) {
  DelayedCall itself;
  DelayedCall other;
  DelayedCall left;
  bool called = false;
  {
    Reactor reactor;
    itself = reactor.call_later(0ms, [&] {
      EXPECT_FALSE(itself.active());
      itself.cancel();
      other.cancel();
      reactor.stop();
    });
    other = reactor.call_later(0ms, [&] { called = true; });
    reactor.run();
    left = reactor.call_later(1h, [&] { called = true; });
    EXPECT_TRUE(left.active());
  }
  EXPECT_FALSE(left.active());
  left.cancel();
  EXPECT_FALSE(called);
}

TEST_F(ReactorTest, WhatACallThrowsDoesNotEndTheLoop) {
  Reactor reactor;
  int calls = 0;
  reactor.call_later(0ms, [] { throw std::runtime_error("delayed"); });
  reactor.call_from_thread([] { throw 42; });
  reactor.call_later(1ms, [&] { ++calls; });
  reactor.call_from_thread([&] { EXPECT_THROW(reactor.run(), std::logic_error); });
  reactor.call_later(2ms, [&] { reactor.stop(); });
  reactor.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(ReactorTest, CallsFromManyThreadsAllArriveInTheirOrder) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 1000;
  Reactor reactor;
  Running running(reactor);
  std::array<int, kThreads> last{};
  Counter arrived;
  std::vector<std::thread> threads;
  for (int each = 0; each < kThreads; ++each) {
    threads.emplace_back([&, each] {
      for (int number = 1; number <= kCalls; ++number) {
        reactor.call_from_thread([&, each, number] {
          EXPECT_EQ(std::exchange(last.at(static_cast<std::size_t>(each)), number), number - 1);
          arrived.add();
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(arrived.reaches(kThreads * kCalls));
}

TEST_F(ReactorTest, AStopThatComesBeforeTheLoopEndsTheNextOneOnly) {
  Reactor reactor;
  reactor.stop();
  reactor.run();
  Running running(reactor);
  running.in_loop([] {});
  reactor.stop();
  running.wait_end();
}

TEST_F(ReactorTest, ItServesAgainAfterAStop) {
  Notes notes;
  Reactor reactor;
  for (int round = 0; round < 3; ++round) {
    const auto port = reactor.listen_tcp(any_port(), noting(notes, echoing()));
    const auto address = port.get_host();
    Running running(reactor);
    EXPECT_EQ(Client(address).exchange("hello"), "hello");
    running.stop();
    EXPECT_EQ(port.get_host(), socketserver::Address()) << "a port outlived its loop";
  }
}

TEST_F(ReactorTest, AReactorThatNeverRanLetsGoOfEverything) {
  Notes notes;
  {
    Reactor reactor;
    const auto port = reactor.listen_tcp(any_port(), noting(notes));
    reactor.connect_tcp(port.get_host(), std::make_shared<testing::NotingClientFactory>(notes));
    reactor.call_later(1h, [] {});
    reactor.call_from_thread([] {});
    reactor.stop_on_signals();
  }
  EXPECT_EQ(notes.first_ending(), Ending::kStopped);
}

TEST_F(ReactorTest, SignalsStopItUnlessTheyWereIgnored) {
  ::signal(SIGTERM, SIG_IGN);
  Reactor reactor;
  reactor.stop_on_signals();
  Running running(reactor);
  ::kill(::getpid(), SIGTERM);
  running.in_loop([] {});
  ::kill(::getpid(), SIGINT);
  running.wait_end();
  ::signal(SIGTERM, SIG_DFL);
}

TEST_F(ReactorTest, NothingLeaksIntoSpawnedPrograms) {
  const auto inheritable = [] {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) {
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags >= 0 && (flags & FD_CLOEXEC) == 0) ++count;
    }
    return count;
  };
  const int before = inheritable();
  Notes notes;
  Notes made;
  Reactor reactor;
  reactor.stop_on_signals();
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  reactor.connect_tcp(address, std::make_shared<testing::NotingClientFactory>(made));
  const Running running(reactor);
  EXPECT_TRUE(notes.made.reaches(1));
  EXPECT_TRUE(made.made.reaches(1));
  EXPECT_EQ(inheritable(), before);
}

TEST_F(ReactorTest, AFactoryMayRefuseOrFailAndTheNextClientIsServed) {
  class Choosing : public testing::NotingFactory<ServerFactory> {
   public:
    using NotingFactory::NotingFactory;
    std::unique_ptr<Protocol> build_protocol(const socketserver::Address& peer) override {
      ++calls_;
      if (calls_ == 1) return nullptr;
      if (calls_ == 2) throw 7;
      return NotingFactory::build_protocol(peer);
    }

   private:
    int calls_ = 0;
  };
  Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), std::make_shared<Choosing>(notes, echoing())).get_host();
  const Running running(reactor);
  EXPECT_EQ(Client(address).receive_all(), "");
  EXPECT_EQ(Client(address).receive_all(), "");
  EXPECT_EQ(Client(address).exchange("third"), "third");
  EXPECT_EQ(notes.error_texts(), std::vector<std::string>{"7"});
  EXPECT_EQ(notes.made.value(), 1);
}

TEST_F(ReactorTest, ATakenAddressIsTheSystemsError) {
  Notes notes;
  Reactor reactor;
  const auto port = reactor.listen_tcp(any_port(), noting(notes));
  EXPECT_THROW(reactor.listen_tcp(port.get_host(), noting(notes)), std::system_error);
  EXPECT_THROW(reactor.listen_tcp(socketserver::Address(), noting(notes)), std::system_error);
  EXPECT_THROW(reactor.listen_unix(std::string(200, 'x'), noting(notes)), std::system_error);
}

// Lets the process open no further descriptor until the end of the scope.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
  NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;
  ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

std::chrono::nanoseconds processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

TEST_F(ReactorTest, WithoutDescriptorsItNeitherSpinsNorEndsAndRecovers) {
  Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  Running running(reactor);
  Client client(address);
  EXPECT_EQ(client.exchange("before"), "before");
  const farhand::UniqueFd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const NoDescriptorsLeft shortage;
    const auto endpoint = address.endpoint();
    ASSERT_EQ(::connect(second.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), 0);
    ASSERT_TRUE(notes.errors.reaches(1));
    Counter later;
    const auto before = processor_time();
    reactor.call_from_thread([&] { reactor.call_later(500ms, [&] { later.add(); }); });
    EXPECT_TRUE(later.reaches(1));
    EXPECT_LT(processor_time() - before, 250ms) << "it spins";
    EXPECT_EQ(notes.errors.value(), 1) << "a shortage is reported once";
    EXPECT_EQ(client.exchange("meanwhile"), "meanwhile");
  }
  EXPECT_TRUE(notes.made.reaches(2));
  EXPECT_EQ(Client(address).exchange("after"), "after");
}

TEST_F(ReactorTest, AConnectionThatEndsCutsTheShortageShort) {
  Notes notes;
  ReactorOptions options;
  options.shortage_pause = 1h;
  Reactor reactor(options);
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  Running running(reactor);
  Client client(address);
  ASSERT_TRUE(notes.made.reaches(1));
  const farhand::UniqueFd second(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const NoDescriptorsLeft shortage;
    const auto endpoint = address.endpoint();
    ASSERT_EQ(::connect(second.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())), 0);
    ASSERT_TRUE(notes.errors.reaches(1));
  }
  EXPECT_EQ(notes.made.value(), 1);
  client.close();
  EXPECT_TRUE(notes.made.reaches(2));
}

}  // namespace
}  // namespace events
