// Files on their way out: in order with what is written, whole, and closed whatever happens.
#include <fcntl.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>

#include "tests/unit/events/support.h"

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::Hooks;
using testing::Notes;
using testing::noting;
using testing::Running;

class SendFileTest : public testing::EventsTest {
 protected:
  farhand::UniqueFd file(const std::string& contents) {
    std::ofstream(directory_.path("file"), std::ios::binary) << contents;
    return farhand::UniqueFd(::open(directory_.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  }

 private:
  const socketserver::testing::TemporaryDirectory directory_;
};

TEST_F(SendFileTest, AFileKeepsItsPlaceBetweenWrites) {
  Notes notes;
  const std::string contents = testing::pattern(5'000'000);
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    transport.write("before,");
    transport.send_file(file(contents), 100, contents.size() - 300);
    transport.write(",between,");
    transport.send_file(file(contents), 0, 3);
    transport.send_file(file(contents), 0, 0);
    transport.write(",after");
    transport.lose_connection();
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  const std::string expected =
      "before," + contents.substr(100, contents.size() - 300) + ",between," + contents.substr(0, 3) + ",after";
  EXPECT_TRUE(Client(address).receive(expected.size() + 1) == expected);
  EXPECT_EQ(notes.first_ending(), Ending::kClosed);
}

TEST_F(SendFileTest, AFileThatIsShorterThanPromisedEndsTheConnection) {
  Notes notes;
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    transport.send_file(file("short"), 0, 6);
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  Client client(address);
  EXPECT_EQ(notes.first_ending(), Ending::kFailed);
}

TEST_F(SendFileTest, WhatIsNoFileEndsTheConnection) {
  Notes notes;
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    transport.send_file(farhand::UniqueFd(::open("/", O_RDONLY | O_CLOEXEC)), 0, 6);
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  Client client(address);
  EXPECT_EQ(notes.first_ending(), Ending::kFailed);
}

TEST_F(SendFileTest, APeerThatGoesAwayIsNoSignalAndTheFileIsClosed) {
  ASSERT_NE(::signal(SIGPIPE, SIG_DFL), SIG_ERR);
  Notes notes;
  const std::string contents = testing::pattern(20'000'000);
  Hooks hooks;
  hooks.made = [&](Transport& transport) {
    transport.send_file(file(contents), 0, contents.size());
  };
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const Running running(reactor);
  for (int count = 1; count <= 10; ++count) {
    Client client(address);
    EXPECT_EQ(client.receive(100'000), contents.substr(0, 100'000));
    testing::reset(client);
    EXPECT_TRUE(notes.lost.reaches(count));
  }
  EXPECT_EQ(notes.first_ending(), Ending::kLost);
}

// Requests in a row from a peer that reads no answer: each queued file would hold a descriptor.
TEST_F(SendFileTest, FilesForAPeerThatDoesNotReadAreLimited) {
  Notes notes;
  const std::string contents = testing::pattern(8'000'000);
  Hooks hooks;
  hooks.received = [&](Transport& transport, farhand::Bytes) {
    transport.send_file(file(contents), 0, contents.size());
    EXPECT_TRUE(transport.write_paused());
  };
  Hooks regardless;
  regardless.made = [&](Transport& transport) {
    for (int count = 0; count < 100; ++count) transport.send_file(file(contents), 0, contents.size());
  };
  Notes overflowed;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(notes, hooks)).get_host();
  const auto second = reactor.listen_tcp(any_port(), noting(overflowed, regardless)).get_host();
  Running running(reactor);
  const auto hostile = testing::silent_client(address);
  ASSERT_EQ(::send(hostile.get(), "x", 1, MSG_NOSIGNAL), 1);
  ASSERT_TRUE(notes.received.reaches(1));
  for (int count = 0; count < 10; ++count) {
    ASSERT_EQ(::send(hostile.get(), "x", 1, MSG_NOSIGNAL), 1);
    running.in_loop([] {});
  }
  EXPECT_EQ(notes.received.value(), 1);
  const auto other = testing::silent_client(second);
  EXPECT_EQ(overflowed.first_ending(), Ending::kOverflow);
}

}  // namespace
}  // namespace events
