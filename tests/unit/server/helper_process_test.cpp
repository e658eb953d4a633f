// Children for one purpose: how they ended, and that none is left, whatever went wrong.
#include "server/helper_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "common/sanitizers.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/in_child.h"
#include "tests/support/process_state.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return Deadline::after(30s);
}

[[noreturn]] void wait_for_ever() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test die before
  for (;;) ::pause();
}

TEST(HelperProcess, ItsStatusIsToldAndNothingOfItIsLeft) {
  HelperProcess helper;
  if (helper.fork()) ::_exit(7);
  const auto end = helper.collect(soon());
  EXPECT_EQ(end.status, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_FALSE(end.overdue);
  EXPECT_EQ(test::child_count(), 0U);
  EXPECT_EQ(helper.collect(soon()).status, 7) << "asked twice";
}

TEST(HelperProcess, TheSignalThatEndedItIsTold) {
  HelperProcess helper;
  if (helper.fork()) {
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would make a status of it
    ::raise(SIGSEGV);
  }
  EXPECT_EQ(helper.collect(soon()).signal, SIGSEGV);
}

TEST(HelperProcess, WhoeverIsOverdueIsKilledAndThatIsNoCrash) {
  HelperProcess helper;
  if (helper.fork()) wait_for_ever();
  const auto end = helper.collect(Deadline::after(1ms));
  EXPECT_TRUE(end.overdue);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(test::child_count(), 0U);
}

TEST(HelperProcess, WhoeverIsNotCollectedIsKilledAtTheEnd) {
  {
    HelperProcess helper;
    if (helper.fork()) wait_for_ever();
    EXPECT_EQ(test::child_count(), 1U);
  }
  EXPECT_EQ(test::child_count(), 0U);
}

TEST(HelperProcess, TheFirstOfTwoToEndIsTheOneThatHasEnded) {
  for (const bool first_ends : {true, false}) {
    HelperProcess first;
    if (first.fork()) first_ends ? ::_exit(0) : wait_for_ever();
    HelperProcess second;
    if (second.fork()) first_ends ? wait_for_ever() : ::_exit(0);
    EXPECT_EQ(first_ends_first(first, second), first_ends);
  }
}

// Out of processes or descriptors it throws, and there is no child of which nobody knows.
TEST(HelperProcess, AForkThatFailsLeavesNoChild) {
  if (kThreadSanitizer) GTEST_SKIP() << "a filter for one thread of several proves nothing";
  for (const long call : {long{SYS_clone}, long{SYS_pidfd_open}}) {
    const auto outcome = test::in_child([call] {
      if (!test::deny_syscall(call, EAGAIN)) return std::string("no filter");
      std::string said;
      try {
        HelperProcess helper;
        if (helper.fork()) wait_for_ever();
      } catch (const std::exception& failure) {
        said = failure.what();
      }
      return said + ", " + std::to_string(test::child_count());
    });
    EXPECT_TRUE(outcome.said.ends_with("Resource temporarily unavailable, 0")) << outcome.said;
  }
}

// What is not async-signal-safe is not to be done after a fork beside threads, and everything that is done then is not.
TEST(HelperProcess, ThereIsNoForkBesideThreads) {
  if (kThreadSanitizer) GTEST_SKIP() << "which has a thread of its own";
  std::mutex mutex;
  std::condition_variable done;
  bool ready = false;
  std::thread other([&] {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return ready; });
  });
  HelperProcess helper;
  EXPECT_THROW(static_cast<void>(helper.fork()), std::logic_error);
  {
    const std::lock_guard lock(mutex);
    ready = true;
  }
  done.notify_one();
  other.join();
  if (helper.fork()) ::_exit(0);  // the honest twin
  EXPECT_EQ(helper.collect(soon()).status, 0);
}

}  // namespace
}  // namespace farhand
