// What becomes of a connection that one client after the other has.
#include "client/sharing/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/file_io.h"
#include "common/stream/plain_stream.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "tests/unit/client/sharing/frames.h"

namespace farhand {
namespace {

using test::frame;

const std::string kGreeting = encode(Hello{1, "rserver", {}});
const std::string kExec = frame(FrameKind::kExec, "", "structure") + frame(FrameKind::kStdin);
const std::string kExit = frame(FrameKind::kExit, "", "structure");

struct Pair {
  Pair() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  UniqueFd ours;
  UniqueFd theirs;

  void say(const std::string& text) const { EXPECT_TRUE(write_all(theirs.get(), bytes_of(text))); }
  [[nodiscard]] std::string hear() const {
    std::string text(1 << 16, '\0');
    const ssize_t got = ::recv(theirs.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
};

class RelayTest : public testing::Test {
 protected:
  RelayTest() { lend(std::make_unique<KeptConnection>(make_plain_stream(std::move(server_.ours)), kGreeting)); }

  void lend(std::unique_ptr<KeptConnection> connection) {
    client_ = Pair();
    relay_ = std::make_unique<Relay>(std::move(connection), std::move(client_.ours), "joe");
  }
  void turn() {
    for (int i = 0; i < 3; ++i) relay_->turn(POLLIN | POLLOUT, POLLIN | POLLOUT);
  }
  void begin() {
    client_.say(frame(FrameKind::kHello, "joe", "structure") + kExec);
    turn();
    EXPECT_EQ(client_.hear(), frame(FrameKind::kHello, "", kGreeting));
    EXPECT_EQ(server_.hear(), kExec);
  }
  void finish() {
    server_.say(kExit);
    turn();
    EXPECT_EQ(client_.hear(), kExit);
  }

  Pair server_;
  Pair client_;
  std::unique_ptr<Relay> relay_;
};

TEST_F(RelayTest, TheGreetingIsThereBeforeTheClientSaysAnything) {
  EXPECT_EQ(client_.hear(), frame(FrameKind::kHello, "", kGreeting));
  EXPECT_EQ(relay_->state(), Relay::State::kGoing);
}

TEST_F(RelayTest, TheServerHearsOfNoHelloAndNoBye) {
  begin();
  finish();
  client_.say(frame(FrameKind::kBye));
  client_.theirs.reset();
  turn();
  EXPECT_EQ(server_.hear(), "");
  EXPECT_EQ(relay_->state(), Relay::State::kQuiet);
}

TEST_F(RelayTest, TheNextClientHasItAsTheFirstHad) {
  for (int i = 0; i < 3; ++i) {
    begin();
    finish();
    server_.say(frame(FrameKind::kPing));  // which nobody waits for any more
    client_.say(frame(FrameKind::kBye));
    turn();
    ASSERT_EQ(relay_->state(), Relay::State::kQuiet);
    auto connection = relay_->take();
    connection->rest();
    EXPECT_TRUE(connection->tend());
    lend(std::move(connection));
  }
}

TEST_F(RelayTest, AClientThatGoesInTheMiddleIsTheEndOfIt) {
  begin();
  client_.theirs.reset();
  turn();
  EXPECT_EQ(relay_->state(), Relay::State::kOver);
}

TEST_F(RelayTest, AClientThatLeavesWithAnAnswerDueIsTheEndOfIt) {
  begin();
  client_.say(frame(FrameKind::kBye));
  turn();
  EXPECT_EQ(relay_->state(), Relay::State::kOver);
}

TEST_F(RelayTest, AClientThatAskedNothingGivesItBack) {
  client_.say(frame(FrameKind::kHello, "joe", "structure") + kExec.substr(0, 5));  // half a slip is no request
  turn();
  client_.theirs.reset();
  turn();
  EXPECT_EQ(server_.hear(), "");
  EXPECT_EQ(relay_->state(), Relay::State::kQuiet);
}

TEST_F(RelayTest, HalfAParcelIsTheEndOfIt) {
  begin();
  finish();
  client_.say("exec|100|\nstruct");
  turn();
  client_.theirs.reset();
  turn();
  EXPECT_EQ(relay_->state(), Relay::State::kOver);
}

TEST_F(RelayTest, WhoeverBeginsOtherwiseIsNotServed) {
  for (const std::string& words : {kExec, frame(FrameKind::kPair, "", "structure"), std::string("GET / HTTP/1.1\r\n"),
                                   frame(FrameKind::kHello, "ann", "structure") + kExec,
                                   frame(FrameKind::kHello, "joe", "x") + frame(FrameKind::kHello, "joe", "x")}) {
    Pair server;
    Pair client;
    Relay relay(std::make_unique<KeptConnection>(make_plain_stream(std::move(server.ours)), kGreeting),
                std::move(client.ours), "joe");
    client.say(words);
    relay.turn(POLLIN, 0);
    EXPECT_EQ(relay.state(), Relay::State::kOver) << words;
    EXPECT_EQ(server.hear(), "") << words;
  }
}

TEST_F(RelayTest, WhatTheServerHasSaidBeforeItEndedReachesTheClient) {
  begin();
  server_.say(frame(FrameKind::kStdout, "", "last words"));
  server_.theirs.reset();
  turn();
  EXPECT_EQ(client_.hear(), frame(FrameKind::kStdout, "", "last words"));
  EXPECT_EQ(relay_->state(), Relay::State::kOver);
}

TEST_F(RelayTest, AClientThatDoesNotReadHoldsTheServerBack) {
  begin();
  server_.say("stdout|1048576|\n");
  const std::string piece(64 << 10, 'x');
  std::size_t taken = 0;
  while (taken < (1u << 20) - piece.size()) {
    const ssize_t sent = ::send(server_.theirs.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (sent <= 0) break;
    taken += static_cast<std::size_t>(sent);
    turn();
  }
  EXPECT_LT(taken, (1u << 20) - piece.size());  // the inbox and two sockets' buffers
  EXPECT_EQ(relay_->entries()[1].events & POLLIN, 0);
  EXPECT_NE(relay_->entries()[0].events & POLLOUT, 0);
}

TEST_F(RelayTest, WhileNobodyHasItOnlySignsOfLifeAreExpected) {
  for (const std::string& words : {frame(FrameKind::kStdout, "", "x"), frame(FrameKind::kBye), std::string("junk\n"),
                                   frame(FrameKind::kError, "", encode(ErrorReport{}))}) {
    Pair server;
    KeptConnection connection(make_plain_stream(std::move(server.ours)), kGreeting);
    connection.rest();
    server.say(frame(FrameKind::kPing, "word") + frame(FrameKind::kPing));
    EXPECT_TRUE(connection.tend());
    EXPECT_EQ(server.hear(), frame(FrameKind::kPong, "word"));
    server.say(words);
    EXPECT_FALSE(connection.tend()) << words;
  }
}

TEST_F(RelayTest, AServerThatHasGoneIsNoticedWhileNobodyHasIt) {
  Pair server;
  KeptConnection connection(make_plain_stream(std::move(server.ours)), kGreeting);
  connection.rest();
  EXPECT_TRUE(connection.tend());
  server.theirs.reset();
  EXPECT_FALSE(connection.tend());
}

}  // namespace
}  // namespace farhand
