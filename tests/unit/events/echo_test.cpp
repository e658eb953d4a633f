// The event-driven echo: what goes in comes out, whatever the pieces, the pace and the order of the ends.
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

#include "tests/unit/events/support.h"

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::echoing;
using testing::noting;
using testing::Running;
using EchoTest = testing::EventsTest;

TEST_F(EchoTest, MessagesComeBackCutOrGlued) {
  testing::Notes notes;
  Reactor reactor;
  const auto port = reactor.listen_tcp(any_port(), noting(notes, echoing()));
  const auto address = port.get_host();
  const Running running(reactor);
  Client client(address);
  for (const char each : std::string("cut into bytes")) EXPECT_EQ(client.exchange({&each, 1}), std::string(1, each));
  client.send("two");
  client.send("glued");
  EXPECT_EQ(client.receive(8), "twoglued");
}

TEST_F(EchoTest, WhatWasReceivedBeforeThePeersEndStillComesBack) {
  testing::Notes notes;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, echoing())).get_host();
  const Running running(reactor);
  Client client(address);
  const std::string sent = testing::pattern(100'000);
  client.send(sent);
  client.end_writing();
  EXPECT_EQ(client.receive_all(), sent);
  EXPECT_EQ(notes.first_ending(), Ending::kPeerEnded);
}

TEST_F(EchoTest, TenMegabytesComeBackThroughASlowReader) {
  testing::Notes notes;
  std::atomic<std::size_t> most_queued = 0;
  auto hooks = echoing();
  hooks.received = [&](Transport& transport, farhand::Bytes data) {
    transport.write(data);
    most_queued = std::max(most_queued.load(), transport.queued_bytes());
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  Client client(address);
  const std::string sent = testing::pattern(10'000'000);
  std::thread sender([&] {
    client.send(sent);
    client.end_writing();
  });
  // Nothing is read before everything on the way is full: then the reactor holds the sender back.
  EXPECT_TRUE(notes.paused.reaches(1));
  EXPECT_TRUE(client.receive(sent.size() + 1) == sent);
  sender.join();
  EXPECT_LE(most_queued, reactor.options().high_water_bytes + 2 * 64 * 1024);
  EXPECT_GE(notes.resumed.value(), 1);
}

TEST_F(EchoTest, SmallWritesOfOneHookLeaveTogether) {
  testing::Notes notes;
  testing::Hooks hooks;
  hooks.received = [](Transport& transport, farhand::Bytes) {
    for (const char* each : {"HTTP/1.1 200 OK\r\n", "Welcome: Contect\r\n", "\r\n", "It works"}) transport.write(each);
    EXPECT_EQ(transport.queued_bytes(), 17U + 18U + 2U + 8U);
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  Client client(address);
  client.send("x");
  std::array<char, 100> buffer{};
  EXPECT_EQ(::recv(client.fd(), buffer.data(), buffer.size(), 0), 45);
}

TEST_F(EchoTest, WritesFromOutsideAHookArriveInOrder) {
  testing::Notes notes;
  std::weak_ptr<Transport> kept;
  testing::Hooks hooks;
  hooks.made = [&](Transport& transport) {
    kept = transport.weak_from_this();
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  Running running(reactor);
  Client client(address);
  ASSERT_TRUE(notes.made.reaches(1));
  const std::string large = testing::pattern(300'000);
  running.in_loop([&] {
    const auto transport = kept.lock();
    transport->write("small,");
    transport->write(large);
    transport->write("last");
    transport->lose_connection();
    transport->write("too late");
  });
  EXPECT_EQ(client.receive_all(), "small," + large + "last");
}

TEST_F(EchoTest, AddressesOfBothSidesAreKnown) {
  testing::Notes notes;
  std::string seen;
  testing::Hooks hooks;
  hooks.made = [&](Transport& transport) {
    seen = transport.get_peer().to_string() + " " + transport.get_host().to_string();
    transport.write("!");
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  Client client(address);
  EXPECT_EQ(client.receive(1), "!");
  sockaddr_storage native{};
  socklen_t size_bytes = sizeof native;
  ASSERT_EQ(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&native), &size_bytes), 0);
  EXPECT_EQ(seen, socketserver::Address::from_native(native, size_bytes).to_string() + " " + address.to_string());
}

TEST_F(EchoTest, AUnixSocketServesTooAndItsFileGoesWithIt) {
  const socketserver::testing::TemporaryDirectory directory;
  testing::Notes notes;
  Reactor reactor;
  const auto path = directory.path("echo.sock");
  auto port = reactor.listen_unix(path, noting(notes, echoing()));
  EXPECT_THROW(reactor.listen_unix(path, noting(notes)), std::system_error);
  EXPECT_EQ(directory.files(), 1U);
  Running running(reactor);
  Client client(port.get_host());
  EXPECT_EQ(client.exchange("hello"), "hello");
  running.in_loop([&] { port.stop_listening(); });
  EXPECT_EQ(directory.files(), 0U);
  EXPECT_EQ(client.exchange("still here"), "still here");
}

TEST_F(EchoTest, TheSmallestProgramEchoesAndStopsOnASignal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGTERM, SIG_DFL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::execl(EVENTS_ECHO_EXAMPLE, EVENTS_ECHO_EXAMPLE, "0", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string line;
  for (char each = 0; ::read(ends[0], &each, 1) == 1 && each != '\n';) line += each;
  ASSERT_NE(line.rfind(':'), std::string::npos) << "no address came: " << line;
  const auto port = static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
  EXPECT_EQ(Client(socketserver::Address::ip("127.0.0.1", port)).exchange("hello"), "hello");
  // The descriptor ends when the program does: the wait for that has a deadline, and waitpid then has nothing to wait
  // for.
  char nothing = 0;
  pollfd entry{ends[0], POLLIN, 0};
  std::thread killer([&] {
    if (::poll(&entry, 1, 20'000) != 1) ::kill(child, SIGKILL);
  });
  // The handler is set after the line is written: a client that was served proves that the loop runs.
  ::kill(child, SIGTERM);
  EXPECT_EQ(::read(ends[0], &nothing, 1), 0);
  killer.join();
  ::close(ends[0]);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace events
