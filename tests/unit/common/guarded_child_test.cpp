// GuardedChild: whoever a command starts is held, however it leaves, and is ended or let go as one whole.
#include "common/guarded_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "common/process_table.h"
#include "common/sanitizers.h"
#include "tests/support/process_state.h"
#include "tests/support/run_program.h"

namespace farhand {
namespace {

// For what takes no time unless something is wrong.
Deadline soon() {
  return Deadline::after(std::chrono::seconds(30));
}

// A process that a test watches without being its parent.
class Watched {
 public:
  explicit Watched(const std::string& pid) : pid_(std::stoi(pid)), held_(open(pid_)) {}

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ends_soon() const { return !held_ || wait(soon().poll_timeout()); }
  [[nodiscard]] bool runs() const { return held_ && !wait(0); }
  void kill() const { ::syscall(SYS_pidfd_send_signal, held_.get(), SIGKILL, nullptr, 0); }

 private:
  static UniqueFd open(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
  [[nodiscard]] bool wait(int milliseconds) const {
    pollfd watched{held_.get(), POLLIN, 0};
    return ::poll(&watched, 1, milliseconds) == 1;
  }
  pid_t pid_;
  UniqueFd held_;
};

class GuardedChildTest : public ::testing::Test {
 protected:
  void TearDown() override {
    child_.reset();
    EXPECT_EQ(test::child_count(), children_);
    EXPECT_EQ(test::open_descriptor_count(), descriptors_);
  }

  void start(const std::string& line) {
    auto child = spawn_guarded(test::request_for({"/bin/sh", "-c", line}));
    ASSERT_TRUE(child) << child.error().message;
    child_.emplace(*std::move(child));
  }
  // A process whose number the command has written.
  Watched written() { return Watched(test::read_line(child_->output)); }
  // For a command that reads a line.
  void go_on() { ASSERT_EQ(::write(child_->input.get(), "on\n", 3), 3); }
  Watched guardian() { return Watched(std::to_string(read_process(child_->pid()).parent)); }

  const std::size_t children_ = test::child_count();
  const std::size_t descriptors_ = test::open_descriptor_count();
  std::optional<GuardedChild> child_;
};

// Leaves its session and its parent, and says its number.
constexpr const char* kEscape = "(setsid sh -c 'echo $$; exec sleep 600' &); ";

TEST_F(GuardedChildTest, StreamsAndStatusAreThoseOfTheCommand) {
  start("cat; echo oops >&2; exit 7");
  ASSERT_EQ(::write(child_->input.get(), "fed\n", 4), 4);
  child_->input.reset();
  EXPECT_EQ(test::read_to_end(child_->output), "fed\n");
  EXPECT_EQ(test::read_to_end(child_->errors), "oops\n");
  const ExitStatus status = child_->reap();
  EXPECT_FALSE(status.signalled);
  EXPECT_EQ(status.code, 7);
}

TEST_F(GuardedChildTest, ItsSignalIsTold) {
  start("kill -SEGV $$");
  const ExitStatus status = child_->reap();
  EXPECT_TRUE(status.signalled);
  EXPECT_EQ(status.signal, SIGSEGV);
}

TEST_F(GuardedChildTest, UsageIsThatOfTheCommandAndOfWhomItWaitedFor) {
  start("head -c 90000000 /dev/zero | tail -c 80000000 >/dev/null");
  const ExitStatus status = child_->reap();
  EXPECT_GT(status.usage.user + status.usage.system, std::chrono::microseconds(0));
  if (!kSanitized) {  // a sanitizer has more, and then it is not known
    EXPECT_GT(status.usage.memory, 80'000'000u);
  }
}

TEST_F(GuardedChildTest, AProgramThatIsNotThereIsToldAndLeavesNothing) {
  const auto child = spawn_guarded(test::request_for({"no-such-program"}));
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ErrorCode::kNotFound);
}

TEST_F(GuardedChildTest, WhoeverIsLeftIsLetGoWithTheStatus) {
  start(std::string(kEscape) + "exit 3");
  const Watched escaped = written();
  EXPECT_EQ(child_->reap().code, 3);
  child_.reset();
  EXPECT_TRUE(escaped.runs());
  escaped.kill();
}

TEST_F(GuardedChildTest, EndingReachesWhatHasLeftTheGroupAndItsParent) {
  start(std::string(kEscape) + "exec sleep 600");
  const Watched escaped = written();
  child_->end();
  EXPECT_TRUE(child_->wait_until_gone(soon()));
  EXPECT_TRUE(escaped.ends_soon());
  ASSERT_TRUE(child_->ended());
  EXPECT_EQ(child_->ended()->signal, SIGHUP);
}

TEST_F(GuardedChildTest, EndingAsksWithHangUpFirst) {
  start("(trap 'echo asked; exit' HUP; echo ready; sleep 600 & wait) & sleep 600");
  ASSERT_EQ(test::read_line(child_->output), "ready");
  child_->end();
  EXPECT_EQ(test::read_line(child_->output), "asked");
  EXPECT_TRUE(child_->wait_until_gone(soon()));
}

TEST_F(GuardedChildTest, WhoeverIsStoppedIsEndedAsWell) {
  start("(setsid sh -c 'echo $$; kill -STOP $$' &); kill -STOP $$");
  const Watched escaped = written();
  child_->end();
  EXPECT_TRUE(child_->wait_until_gone(soon()));
  EXPECT_TRUE(escaped.ends_soon());
}

TEST_F(GuardedChildTest, KillingWaitsForNobody) {
  start("trap '' HUP TERM; (setsid sh -c 'trap \"\" HUP TERM; echo $$; sleep 600; :' &); sleep 600; :");
  const Watched escaped = written();
  child_->kill();
  EXPECT_TRUE(child_->wait_until_gone(Deadline::after(std::chrono::seconds(60))));
  EXPECT_TRUE(escaped.ends_soon());
  EXPECT_EQ(child_->ended()->signal, SIGKILL);
}

TEST_F(GuardedChildTest, NobodyIsLeftOfOneThatIsDropped) {
  start(std::string(kEscape) + "exec sleep 600");
  const Watched escaped = written();
  child_.reset();
  EXPECT_TRUE(escaped.ends_soon());
}

TEST_F(GuardedChildTest, SignalsReachTheGroupAndNobodyElse) {
  start(std::string(kEscape) + "read line; trap 'echo told; exit 5' USR1; echo ready; sleep 600 & wait");
  const Watched escaped = written();
  go_on();
  ASSERT_EQ(test::read_line(child_->output), "ready");
  child_->signal_group(SIGUSR1);
  EXPECT_EQ(test::read_line(child_->output), "told");
  EXPECT_EQ(child_->reap().code, 5);
  EXPECT_TRUE(escaped.runs());
  escaped.kill();
}

// The first of them ends everybody, and the guardian with the others unread.
TEST_F(GuardedChildTest, OrdersThatComeTooLateLoseNoStatus) {
  for (int i = 0; i < 100; ++i) {
    start("exec sleep 600");
    for (const int signal : {SIGHUP, SIGTERM, SIGCONT, SIGTERM}) child_->signal_all(signal);
    ASSERT_EQ(child_->reap().signal, SIGHUP);
    child_.reset();
  }
}

// To /proc it looks like one that waits to be collected.
TEST_F(GuardedChildTest, WhoseFirstThreadHasEndedIsEndedAsWell) {
  start(
      "exec python3 -c 'import ctypes, threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), "
      "print(\"ready\", flush=True), time.sleep(600))).start()\nctypes.CDLL(None).syscall(" +
      std::to_string(SYS_exit) + ", 0)'");
  ASSERT_EQ(test::read_line(child_->output), "ready");
  child_->kill();
  EXPECT_TRUE(child_->wait_until_gone(soon()));
}

// Those that are left to the guardian are its to collect, while the command goes on.
TEST_F(GuardedChildTest, WhoeverEndsInItsHandsLeavesNoZombie) {
  start("(sh -c 'echo $$' &); read line; echo $line");
  const Watched escaped = written();
  EXPECT_TRUE(escaped.ends_soon());
  const Deadline deadline = soon();
  while (read_process(escaped.pid()).pid != 0 && !deadline.passed()) std::this_thread::yield();
  EXPECT_EQ(read_process(escaped.pid()).pid, 0);
  EXPECT_FALSE(child_->ended());
  go_on();
  EXPECT_EQ(test::read_line(child_->output), "on");
}

TEST_F(GuardedChildTest, TheGuardianHoldsNothingOfOurs) {
  start("exec cat");
  const auto open = std::filesystem::directory_iterator("/proc/" + std::to_string(guardian().pid()) + "/fd");
  EXPECT_LE(std::distance(begin(open), end(open)), 2) << "its link, and its children's ends";
}

TEST_F(GuardedChildTest, AGuardianThatIsKilledTakesTheCommandAlong) {
  start("exec cat");
  const Watched command(std::to_string(child_->pid()));
  guardian().kill();
  EXPECT_TRUE(command.ends_soon());
  const ExitStatus status = child_->reap();
  EXPECT_TRUE(status.signalled);
  EXPECT_EQ(status.signal, SIGKILL);
}

TEST_F(GuardedChildTest, AGuardianThatIsStoppedIsWoken) {
  start(std::string(kEscape) + "read line; kill -STOP $PPID; echo stopped; exec sleep 600");
  const Watched escaped = written();
  go_on();
  ASSERT_EQ(test::read_line(child_->output), "stopped");
  child_->end();
  EXPECT_TRUE(child_->wait_until_gone(soon()));
  EXPECT_TRUE(escaped.ends_soon());
}

TEST_F(GuardedChildTest, ForceEndsThoseWhoseGuardianDoesNotAct) {
  start(std::string(kEscape) + "read line; kill -STOP $PPID; echo stopped; exec sleep 600");
  const Watched escaped = written();
  go_on();
  ASSERT_EQ(test::read_line(child_->output), "stopped");
  EXPECT_TRUE(child_->force());
  EXPECT_TRUE(child_->all_gone()) << "it waits for what it has killed";
  EXPECT_TRUE(escaped.ends_soon());
  EXPECT_EQ(child_->reap().signal, SIGKILL);
}

TEST_F(GuardedChildTest, ManyAtOnceFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {
        auto child = spawn_guarded(test::request_for({"sh", "-c", "exit " + std::to_string(thread * 25 + i)}));
        if (child && child->reap().code == thread * 25 + i) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 100);
}

}  // namespace
}  // namespace farhand
