// Peers that do not read, and peers that flood: memory stays bounded, producers are told, others get their turn.
#include <sys/socket.h>

#include <atomic>

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
using BackPressureTest = testing::EventsTest;

// Sends until `enough` says so or, being non-blocking, nothing more is taken.
void send_until(int fd, const std::function<bool()>& enough) {
  const std::string chunk(64 * 1024, 'x');
  const auto until = std::chrono::steady_clock::now() + testing::kPatience;
  while (!enough() && std::chrono::steady_clock::now() < until) {
    if (::send(fd, chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) std::this_thread::yield();
  }
}

TEST_F(BackPressureTest, APeerThatNeverReadsIsHeldBackByDefault) {
  Notes notes;
  std::atomic<std::size_t> most = 0;
  auto hooks = echoing();
  hooks.received = [&](Transport& transport, farhand::Bytes data) {
    EXPECT_FALSE(transport.write_paused());
    transport.write(data);
    most = std::max(most.load(), transport.queued_bytes());
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  Running running(reactor);
  const auto hostile = testing::silent_client(address);
  send_until(hostile.get(), [&] { return notes.paused.value() == 1; });
  EXPECT_TRUE(notes.paused.reaches(1));
  // Two turns later nothing more was read, whatever lies there.
  const int received = notes.received.value();
  const std::string more(100'000, 'x');
  static_cast<void>(::send(hostile.get(), more.data(), more.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  EXPECT_EQ(Client(address).exchange("honest"), "honest");
  EXPECT_EQ(notes.received.value(), received + 6);
  EXPECT_LE(most, reactor.options().high_water_bytes + 64 * 1024);
  EXPECT_EQ(notes.first_ending(), Ending::kPeerEnded) << "the honest one's";
  EXPECT_EQ(notes.lost.value(), 1);
}

TEST_F(BackPressureTest, AProtocolThatWritesOnRegardlessLosesTheConnectionAtTheLimit) {
  Notes notes;
  std::atomic<std::size_t> most = 0;
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    const std::string chunk(10'000, 'x');
    for (int count = 0; count < 100'000 && transport.connected(); ++count) {
      transport.write(chunk);
      most = std::max(most.load(), transport.queued_bytes());
    }
  };
  ReactorOptions options;
  options.most_queued_bytes = 1'000'000;
  Reactor reactor(options);
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const auto hostile = testing::silent_client(address);
  const Running running(reactor);
  EXPECT_EQ(notes.first_ending(), Ending::kOverflow);
  EXPECT_LE(most, options.most_queued_bytes + 10'000);
}

TEST_F(BackPressureTest, OneWriteOfAnySizeIsTaken) {
  Notes notes;
  const std::string page = testing::pattern(5'000'000);
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    transport.write(page);
    transport.lose_connection();
  };
  ReactorOptions options;
  options.most_queued_bytes = 1'000;
  Reactor reactor(options);
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  EXPECT_TRUE(Client(address).receive(page.size() + 1) == page);
}

TEST_F(BackPressureTest, AProducerIsPausedAndResumedUntilAllIsSent) {
  Notes notes;
  const std::string all = testing::pattern(20'000'000);
  std::size_t next = 0;
  std::atomic<std::size_t> most = 0;
  const auto produce = [&](Transport& transport) {
    while (!transport.write_paused() && next < all.size()) {
      const std::size_t size = std::min<std::size_t>(5'000, all.size() - next);
      transport.write(std::string_view(all).substr(next, size));
      next += size;
      most = std::max(most.load(), transport.queued_bytes());
    }
    if (next == all.size()) transport.lose_connection();
  };
  Hooks hooks;
  hooks.made = produce;
  hooks.resumed = produce;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  EXPECT_TRUE(Client(address).receive(all.size() + 1) == all);
  EXPECT_GE(notes.paused.value(), 1);
  EXPECT_LE(most, reactor.options().high_water_bytes + 5'000);
}

TEST_F(BackPressureTest, AFloodOnOneConnectionDoesNotStarveTheOthers) {
  Notes notes;
  std::atomic<int> largest = 0;
  Hooks hooks;
  hooks.received = [&](Transport& transport, farhand::Bytes data) {
    largest = std::max<int>(largest, static_cast<int>(data.size()));
    if (data.size() == 4) transport.write(data);
  };
  // And one who is sent as much as the kernel takes, for ever.
  std::atomic<std::size_t> most_at_once = 0;
  const auto pour = [&](Transport& transport) {
    std::size_t at_once = 0;
    for (; !transport.write_paused(); at_once += 100'000) transport.write(std::string(100'000, 'x'));
    most_at_once = std::max(most_at_once.load(), at_once);
  };
  Notes poured;
  Hooks pouring;
  pouring.made = pour;
  pouring.resumed = pour;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const auto spring = reactor.listen_tcp(any_port(), noting(poured, pouring)).get_host();
  Running running(reactor);
  std::atomic<bool> enough = false;
  Client flood(address);
  std::thread flooding([&] { send_until(flood.fd(), [&] { return enough.load(); }); });
  std::thread drinking([&] {
    Client drain(spring);
    while (!enough) EXPECT_EQ(drain.receive(64 * 1024).size(), 64U * 1024);
  });
  ASSERT_TRUE(notes.received.reaches(1'000'000));
  Client honest(address);
  for (int count = 0; count < 100; ++count) EXPECT_EQ(honest.exchange("ping"), "ping");
  enough = true;
  flooding.join();
  drinking.join();
  EXPECT_LE(largest, 64 * 1024);
  EXPECT_LE(most_at_once, 512U * 1024) << "far less than the kernel would have taken";
}

TEST_F(BackPressureTest, PausedReadingHoldsThePeerBackUntilItIsResumed) {
  Notes notes;
  std::weak_ptr<Transport> kept;
  Hooks hooks;
  hooks.received = [&](Transport& transport, farhand::Bytes) {
    transport.pause_reading();
    kept = transport.weak_from_this();
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  Running running(reactor);
  Client client(address);
  client.send("a");
  ASSERT_TRUE(notes.received.reaches(1));
  client.send("bc");
  client.close();
  for (int turn = 0; turn < 3; ++turn) running.in_loop([] {});
  EXPECT_EQ(notes.received.value(), 1);
  EXPECT_EQ(notes.lost.value(), 0);
  running.in_loop([&] { kept.lock()->resume_reading(); });
  EXPECT_TRUE(notes.received.reaches(3));
  running.in_loop([&] { kept.lock()->resume_reading(); });
  EXPECT_EQ(notes.first_ending(), Ending::kPeerEnded);
}

TEST_F(BackPressureTest, AProtocolMayReadUnderPressure) {
  Notes notes;
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.read_under_pressure(true);
    transport.write(std::string(8'000'000, 'x'));
    EXPECT_TRUE(transport.write_paused());
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  const auto client = testing::silent_client(address);
  ASSERT_EQ(::send(client.get(), "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(notes.received.reaches(1));
}

}  // namespace
}  // namespace events
