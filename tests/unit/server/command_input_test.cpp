// Standard input between the wire and a pipe: in order, bounded, told, and never in the way of what is said behind it.
#include "server/verbs/command_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "common/file_io.h"
#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand {
namespace {

// A client that has asked for a command, and the server's end of that command's input.
class CommandInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);  // as rserver has it
    test::greet(pair_);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
    pair_.client->say_structure(FrameKind::kExec, encode(ExecRequest{ExecMode::kArgv, {"cat"}}));
    ASSERT_TRUE(pair_.client->flush(test::soon()));
    ASSERT_TRUE(test::hear_frame(*pair_.server));
  }

  void say(const std::string& bytes) { pair_.client->say_bytes(FrameKind::kStdin, {}, bytes_of(bytes)); }

  // One turn of both sides, as the pump's: what has come is taken, what is held is written, what is due is said.
  Result<void> turn() {
    EXPECT_TRUE(pair_.client->wait({}, test::now()));
    TRY(pair_.server->wait({}, test::now()));
    for (bool more = true; more;) {
      TRY_ASSIGN(const auto piece, pair_.server->peek());
      if (!piece || piece->kind() != FrameKind::kStdin) break;
      if (piece->header.size == 0) {
        pair_.server->consume(0);
        input_.end();
        break;
      }
      TRY_ASSIGN(more, input_.take(*piece));
    }
    input_.write();
    input_.acknowledge();
    return {};
  }

  std::string read_pipe() {
    std::string text(1 << 20, '\0');
    const ssize_t got = read_some(read_end_.get(), {reinterpret_cast<std::byte*>(text.data()), text.size()});
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool pipe_ended() {
    std::byte byte;
    return read_some(read_end_.get(), {&byte, 1}) == 0;
  }

  bool hears_the_signal() {
    const auto piece = pair_.server->peek();
    return piece && *piece && (*piece)->kind() == FrameKind::kSignal;
  }

  // Until the server has heard all that the client has said so far, however long it is patient.
  Result<void> take_all() {
    pair_.client->say(FrameKind::kSignal, "WINCH");
    for (const Deadline deadline = test::soon(); !deadline.passed();) {
      TRY(turn());
      TRY_ASSIGN(const auto piece, pair_.server->peek());
      if (!piece || piece->kind() != FrameKind::kSignal) continue;
      pair_.server->consume(0);
      return {};
    }
    return fail(ErrorCode::kTimedOut, "what was said behind the input was not heard");
  }

  std::optional<std::uint64_t> heard_taken() {
    EXPECT_TRUE(pair_.server->wait({}, test::now()));
    EXPECT_TRUE(pair_.client->wait({}, test::now()));
    const auto piece = pair_.client->peek();
    if (!piece || !*piece) return std::nullopt;
    EXPECT_EQ((*piece)->kind(), FrameKind::kTaken);
    const std::uint64_t taken = std::stoull((*piece)->header.name);
    pair_.client->consume(0);
    return taken;
  }

  test::ChannelPair pair_;
  UniqueFd read_end_;
  UniqueFd write_end_;
  CommandInput input_{*pair_.server, write_end_};
};

constexpr std::size_t kMiB = 1 << 20;

// So many bytes that no two neighbours are alike.
std::string counted(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

TEST_F(CommandInputTest, WhatComesGoesStraightThrough) {
  say("one");
  say("two");
  ASSERT_TRUE(turn());
  EXPECT_EQ(read_pipe(), "onetwo");
  EXPECT_EQ(input_.blocked_on(), -1);
  EXPECT_EQ(input_.written_bytes(), 6u);
}

TEST_F(CommandInputTest, WhatThePipeHasNoRoomForIsHeldAndComesInOrder) {
  const std::string sent = counted(3 * kMiB);
  for (std::size_t at = 0; at < sent.size(); at += kMiB) say(sent.substr(at, kMiB));
  ASSERT_TRUE(take_all()) << "what is said behind input that nobody reads is heard";
  EXPECT_EQ(input_.blocked_on(), write_end_.get());
  pair_.client->say(FrameKind::kStdin);
  const Deadline deadline = test::soon();
  std::string got;
  while (got.size() < sent.size() && !deadline.passed()) {
    got += read_pipe();
    ASSERT_TRUE(turn());
  }
  EXPECT_TRUE(got == sent);
  EXPECT_TRUE(pipe_ended()) << "the end came behind what was held";
}

TEST_F(CommandInputTest, TheEndClosesThePipe) {
  say("x");
  pair_.client->say(FrameKind::kStdin);
  ASSERT_TRUE(turn());
  EXPECT_TRUE(input_.ended());
  EXPECT_EQ(read_pipe(), "x");
  EXPECT_TRUE(pipe_ended());
}

TEST_F(CommandInputTest, TakenIsSaidWhenAMebibyteMoreIs) {
  say(counted(kMiB - 1));
  const Deadline deadline = test::soon();
  while (input_.written_bytes() < kMiB - 1 && !deadline.passed()) {
    ASSERT_TRUE(turn());
    read_pipe();
  }
  EXPECT_EQ(heard_taken(), std::nullopt);
  say("x");
  while (input_.written_bytes() < kMiB && !deadline.passed()) {
    ASSERT_TRUE(turn());
    read_pipe();
  }
  EXPECT_EQ(heard_taken(), kMiB);
  EXPECT_EQ(heard_taken(), std::nullopt);
}

TEST_F(CommandInputTest, WhatIsHeldIsNotTaken) {
  say(counted(kMiB));
  say(counted(kMiB));
  ASSERT_TRUE(take_all());
  EXPECT_LT(input_.written_bytes(), kMiB);
  EXPECT_EQ(heard_taken(), std::nullopt);
}

TEST_F(CommandInputTest, WhatIsThrownAwayIsTaken) {
  input_.drop();
  EXPECT_FALSE(write_end_);
  say(counted(kMiB));
  say(counted(kMiB));
  ASSERT_TRUE(take_all());
  EXPECT_TRUE(heard_taken());
  EXPECT_EQ(input_.written_bytes(), 0u);
}

TEST_F(CommandInputTest, APipeThatNobodyReadsAnyMoreIsClosedAndTheRestThrownAway) {
  say(counted(kMiB));
  ASSERT_TRUE(take_all());
  EXPECT_EQ(input_.blocked_on(), write_end_.get());
  read_end_.reset();
  input_.write();  // EPIPE
  input_.acknowledge();
  EXPECT_FALSE(write_end_);
  EXPECT_EQ(input_.blocked_on(), -1);
  EXPECT_EQ(heard_taken(), kMiB);
}

TEST_F(CommandInputTest, TheWholeWindowMayBeUnderWayAndNotAByteMore) {
  for (std::size_t sent = 0; sent < kStdinWindow; sent += kMiB) {
    say(counted(kMiB));
  }
  ASSERT_TRUE(take_all());
  say("x");
  Result<void> outcome;
  const Deadline deadline = test::soon();
  while (outcome && !deadline.passed()) outcome = turn();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kLimit);
}

TEST_F(CommandInputTest, AFullPipeIsGivenAMomentAndNotMore) {
  say(counted(kMiB));
  pair_.client->say(FrameKind::kSignal,
                    "WINCH");  // where a turn takes longer than the moment, all is taken without one
  EXPECT_EQ(input_.patience().when(), Deadline::never().when());
  const auto begun = Deadline::Clock::now();
  const auto has_begun = [&] {
    return input_.patience().when() != Deadline::never().when() || hears_the_signal();
  };
  for (const Deadline deadline = test::soon(); !has_begun() && !deadline.passed();) ASSERT_TRUE(turn());
  // How fast the command reads is not known yet: what the pipe has no room for is left where it is, or, by a turn that
  // took longer than the moment, has been taken.
  const bool is_left = input_.patience().when() != Deadline::never().when();
  EXPECT_TRUE(is_left || hears_the_signal());
  if (is_left && Deadline::Clock::now() - begun < std::chrono::milliseconds(5)) {
    EXPECT_LE(input_.patience().when(), Deadline::Clock::now() + std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(take_all());
  EXPECT_EQ(input_.patience().when(), Deadline::never().when()) << "all of it is held by now";
}

}  // namespace
}  // namespace farhand
