// Many at once: a thousand that speak, five thousand that do not, ten thousand that cost next to nothing.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iostream>
#include <vector>

#include "tests/unit/events/support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EVENTS_SANITIZED true
#else
#define EVENTS_SANITIZED false
#endif

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::echoing;
using testing::Notes;
using testing::noting;
using testing::Running;

class CrowdTest : public testing::EventsTest {
 protected:
  CrowdTest() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit all = before_;
    all.rlim_cur = all.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &all);
  }
  ~CrowdTest() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(CrowdTest, AThousandAtOnceAreEachAnswered) {
  constexpr std::size_t kClients = 1000;
  Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  Running running(reactor);
  std::vector<Client> clients;
  clients.reserve(kClients);
  for (std::size_t count = 0; count < kClients; ++count) clients.emplace_back(address);
  for (std::size_t count = 0; count < kClients; ++count) clients[count].send("I am " + std::to_string(count));
  for (std::size_t count = 0; count < kClients; ++count) {
    const std::string mine = "I am " + std::to_string(count);
    EXPECT_EQ(clients[count].receive(mine.size()), mine);
  }
  running.in_loop([&] { EXPECT_EQ(reactor.connections(), kClients); });
  clients.clear();
  EXPECT_TRUE(notes.lost.reaches(kClients));
  running.in_loop([&] { EXPECT_EQ(reactor.connections(), 0U); });
  EXPECT_EQ(notes.lost.value(), notes.made.value());
}

TEST_F(CrowdTest, FiveThousandThatStallDoNotStopAnHonestOne) {
  Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  const Running running(reactor);
  std::vector<Client> stalled;
  for (int count = 0; count < 5000; ++count) {
    stalled.emplace_back(address);
    if (count % 2 == 0) stalled.back().send("h");  // the first byte of something, and no more
  }
  Client honest(address);
  for (int count = 0; count < 100; ++count) EXPECT_EQ(honest.exchange("ping"), "ping");
}

// The clients live in a process of their own: it connects `count` times, tells, and holds them until `until` ends.
pid_t crowd_process(const socketserver::Address& address, int count, const std::array<int, 2>& until) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::close(until[1]);
  std::vector<farhand::UniqueFd> held;
  const auto& endpoint = address.endpoint();
  for (; count > 0; --count) {
    auto& each = held.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(each.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) ::_exit(1);
    if (::send(each.get(), "hello", 5, MSG_NOSIGNAL) != 5) ::_exit(1);
  }
  char nothing = 0;
  while (::read(until[0], &nothing, 1) > 0) {
  }
  ::_exit(0);
}

TEST_F(CrowdTest, AnIdleConnectionCostsAtMostFourKibibytes) {
  if (EVENTS_SANITIZED) GTEST_SKIP() << "a sanitizer's memory is not ours";
  constexpr int kConnections = 10'000;
  Notes notes;
  Reactor reactor;
  std::array<int, 2> hold{};
  ASSERT_EQ(::pipe2(hold.data(), O_CLOEXEC), 0);
  auto hooks = echoing();
  std::size_t with = 0;
  int served = 0;
  // As a server would: each has a deadline, and has been served once.
  hooks.made = [](Transport& transport) {
    transport.set_timeout(std::chrono::hours(1));
  };
  hooks.received = [&](Transport& transport, farhand::Bytes data) {
    transport.write(data);
    if (++served < kConnections) return;
    reactor.call_later(std::chrono::milliseconds(0), [&] {
      with = resident_bytes();
      EXPECT_EQ(reactor.connections(), static_cast<std::size_t>(kConnections));
      reactor.stop();
    });
  };
  class Plain : public Protocol {
   public:
    explicit Plain(const testing::Hooks& hooks) : hooks_(hooks) {}
    void connection_made() override { hooks_.made(transport()); }
    void data_received(farhand::Bytes data) override { hooks_.received(transport(), data); }

   private:
    const testing::Hooks& hooks_;
  };
  const auto port = reactor.listen_tcp(any_port(), factory<Plain>(std::cref(hooks)));
  const pid_t child = crowd_process(port.get_host(), kConnections, hold);
  auto deadline = reactor.call_later(testing::kPatience, [&] { reactor.stop(); });
  const std::size_t without = resident_bytes();
  reactor.run();
  ::close(hold[1]);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  ::close(hold[0]);
  EXPECT_EQ(status, 0);
  ASSERT_GT(with, without) << "not all of them came";
  const std::size_t each = (with - without) / kConnections;
  RecordProperty("idle_connection_bytes", std::to_string(each));
  std::cout << "an idle connection: " << each << " bytes" << std::endl;
  EXPECT_LE(each, 4096U);
}

}  // namespace
}  // namespace events
