// A command's pump: streams, signals and deadlines, with a real child and the client's frames said beforehand.
#include "server/verbs/command_pump.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>

#include <string>
#include <thread>

#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/run_program.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand {
namespace {

using std::chrono::milliseconds;

class CommandPumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::greet(pair_);
    client().say_structure(FrameKind::kExec, encode(ExecRequest{ExecMode::kArgv, {"x"}}));
    ASSERT_TRUE(client().flush(test::soon()));
    ASSERT_TRUE(test::hear_frame(*pair_.server));
  }

  Channel& client() { return *pair_.client; }

  void start(const std::string& line, bool merge = false) {
    auto request = test::request_for({"/bin/sh", "-c", line});
    request.merge_errors = merge;
    child_.emplace(*spawn_guarded(request));
  }

  // Pumps what was started, with what the client has said.
  Result<void> pump(milliseconds timeout = milliseconds(0)) {
    flush_client();
    return pump_alone(timeout);
  }
  void flush_client() {
    if (!client().flush(test::soon())) ADD_FAILURE() << "the client's frames do not fit";
  }
  // Where another thread has the client.
  Result<void> pump_alone(milliseconds timeout) {
    pump_.emplace(*pair_.server, *child_, timeout);
    return pump_->run();
  }

  Result<void> run(const std::string& line, milliseconds timeout = milliseconds(0)) {
    start(line);
    return pump(timeout);
  }

  // The same, where the timeout ends only when the command has said a first line: its traps are set by then.
  Result<void> run_when_ready(const std::string& line, milliseconds timeout) {
    start(line);
    EXPECT_EQ(test::read_line(child_->output), "ready");
    return pump(timeout);
  }

  // Everything that the client has been sent so far of one kind.
  std::string heard(FrameKind wanted) {
    EXPECT_TRUE(pair_.server->flush(test::soon()));
    std::string text;
    for (;;) {
      EXPECT_TRUE(client().wait({}, test::now()));
      const auto piece = client().peek();
      if (!piece || !*piece) return text;
      if ((*piece)->kind() == wanted) text += text_of((*piece)->bytes);
      client().consume((*piece)->bytes.size());
    }
  }

  test::ChannelPair pair_;
  std::optional<GuardedChild> child_;
  std::optional<CommandPump> pump_;
};

TEST_F(CommandPumpTest, WhatGoesInComesOut) {
  client().say_bytes(FrameKind::kStdin, {}, bytes_of("fed\n"));
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run("cat; echo oops >&2; exit 3"));
  EXPECT_EQ(heard(FrameKind::kStdout), "fed\n");
  EXPECT_EQ(child_->reap().code, 3);
  EXPECT_EQ(pump_->shown_traffic(), " in 4 out 4 err 5");
  EXPECT_FALSE(pump_->timed_out());
}

TEST_F(CommandPumpTest, MergedThereIsOneStream) {
  client().say(FrameKind::kStdin);
  start("echo one; echo two >&2; echo three", true);
  ASSERT_TRUE(pump());
  EXPECT_EQ(heard(FrameKind::kStdout), "one\ntwo\nthree\n");
}

TEST_F(CommandPumpTest, SignalsGoToTheGroupAndAreRemembered) {
  client().say(FrameKind::kSignal, "WINCH");
  client().say(FrameKind::kSignal, "TERM");
  ASSERT_TRUE(run("sleep 600; :"));
  EXPECT_EQ(child_->reap().signal, SIGTERM);
  EXPECT_EQ(pump_->signals(), (std::vector<std::string>{"WINCH", "TERM"}));
}

TEST_F(CommandPumpTest, TstpStopsAndContGoesOn) {
  client().say(FrameKind::kSignal, "TSTP");
  client().say(FrameKind::kSignal, "CONT");
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run("exec cat"));
  EXPECT_EQ(child_->reap().code, 0);
}

TEST_F(CommandPumpTest, AnUnknownSignalIsABreach) {
  client().say(FrameKind::kSignal, "KILL");
  const auto outcome = run("exec cat");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
  EXPECT_FALSE(child_->ended()) << "ending it is the caller's";
}

TEST_F(CommandPumpTest, TheNextRequestIsLeftWhereItIs) {
  client().say(FrameKind::kStdin);
  client().say(FrameKind::kGet, "file");
  ASSERT_TRUE(run("exec cat"));
  const auto next = pair_.server->peek();
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->kind(), FrameKind::kGet);
}

TEST_F(CommandPumpTest, ATimeoutAsksFirst) {
  ASSERT_TRUE(
      run_when_ready("trap 'echo asked; exit 5' TERM; trap '' HUP; echo ready; sleep 600 & wait", milliseconds(50)));
  EXPECT_TRUE(pump_->timed_out());
  EXPECT_FALSE(pump_->stuck());
  EXPECT_EQ(heard(FrameKind::kStdout), "asked\n");
  EXPECT_EQ(child_->reap().code, 5);
  EXPECT_GE(pump_->elapsed(), milliseconds(50));
}

TEST_F(CommandPumpTest, ATimeoutKillsWhatDoesNotListenAfterItsGrace) {
  ASSERT_TRUE(run_when_ready("trap '' TERM HUP; echo ready; sleep 600; sleep 600", milliseconds(1)));
  EXPECT_TRUE(pump_->timed_out());
  EXPECT_EQ(child_->reap().signal, SIGKILL);
  EXPECT_GE(pump_->elapsed(), milliseconds(2000));
  EXPECT_LT(pump_->elapsed(), milliseconds(20'000));
}

TEST_F(CommandPumpTest, WhoeverEndsInTimeHasNotTimedOut) {
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run("exit 0", milliseconds(60'000)));
  EXPECT_FALSE(pump_->timed_out());
  ASSERT_EQ(child_->reap().code, 0);
}

TEST_F(CommandPumpTest, TheLongestTimeoutDoesNotOverflow) {
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run("exec sleep 0.05", kMaxTimeout));
  EXPECT_FALSE(pump_->timed_out());
}

// As a command of another user's (sudo): nothing that we send reaches it.
TEST_F(CommandPumpTest, ACommandThatCannotBeKilledIsGivenUp) {
  std::thread([&] {
    const bool denied = test::deny_syscall(SYS_pidfd_send_signal, EPERM) && test::deny_syscall(SYS_kill, EPERM);
    if (!denied) GTEST_SKIP() << "filters are not permitted here";
    ASSERT_TRUE(run("exec sleep 600", milliseconds(1)));
    EXPECT_TRUE(pump_->stuck());
    EXPECT_FALSE(child_->ended());
  }).join();
}

// A slow reader of the output does not make the wait a busy one, whatever the timeout was: the limit is void with the
// exit.
TEST_F(CommandPumpTest, OutputIsSaidToItsEndAfterATimeout) {
  client().say(FrameKind::kStdin);
  flush_client();
  std::string text;  // what came while it ran
  std::thread reader([&] {
    const Deadline deadline = test::soon();
    while (text.size() < 150'000 && !deadline.passed()) {
      if (!client().wait({}, Deadline::after(milliseconds(10)))) return;
      for (;;) {
        const auto piece = client().peek();
        if (!piece || !*piece) break;
        if ((*piece)->kind() == FrameKind::kStdout) text += text_of((*piece)->bytes);
        client().consume((*piece)->bytes.size());
      }
    }
  });
  start("head -c 150000 /dev/zero; echo ready >&2; exec sleep 600");
  ASSERT_EQ(test::read_line(child_->errors), "ready");
  ASSERT_TRUE(pump_alone(milliseconds(1)));
  ASSERT_TRUE(pair_.server->flush(test::soon()));
  reader.join();
  EXPECT_EQ(text.size(), 150'000u);
  EXPECT_TRUE(pump_->timed_out());
}

TEST_F(CommandPumpTest, ABackgroundChildThatHoldsThePipesDelaysNothing) {
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run("sleep 600 & echo done"));
  EXPECT_EQ(heard(FrameKind::kStdout), "done\n");
}

// It has left the group, and its parent has left it.
TEST_F(CommandPumpTest, ATimeoutEndsWhatHasEscapedTheGroup) {
  client().say(FrameKind::kStdin);
  ASSERT_TRUE(run_when_ready("(setsid sh -c 'echo ready; exec sleep 600' &); wait; sleep 600", milliseconds(1)));
  EXPECT_TRUE(pump_->timed_out());
  EXPECT_TRUE(child_->wait_until_gone(test::soon()));
}

}  // namespace
}  // namespace farhand
