// BackgroundTask and EventFd: the signal that work has ended, and what came of it.
#include "common/background.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "tests/support/process_state.h"

namespace farhand {
namespace {

bool readable_within_a_minute(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 60'000) == 1;
}

TEST(EventFd, IsQuietUntilItIsRungAndAgainAfterClear) {
  EventFd event;
  EXPECT_FALSE(event.rung());
  event.ring();
  EXPECT_TRUE(event.rung());
  EXPECT_TRUE(event.rung()) << "looking must not clear it";
  event.clear();
  EXPECT_FALSE(event.rung());
}

TEST(EventFd, OneClearTakesManyRings) {
  EventFd event;
  for (int i = 0; i < 1000; ++i) event.ring();
  event.clear();
  EXPECT_FALSE(event.rung());
}

TEST(EventFd, ClearOfAQuietOneDoesNotBlock) {
  EventFd event;
  event.clear();
  EXPECT_FALSE(event.rung());
}

TEST(EventFd, IsRungFromAnotherThread) {
  EventFd event;
  std::thread ringer([&event] { event.ring(); });
  EXPECT_TRUE(readable_within_a_minute(event.fd()));
  ringer.join();
}

TEST(BackgroundTask, SignalsItsEndAndNotBefore) {
  std::promise<void> gate;
  bool ran = false;
  BackgroundTask task([&] {
    gate.get_future().wait();
    ran = true;
  });
  EXPECT_FALSE(task.done());
  gate.set_value();
  EXPECT_TRUE(readable_within_a_minute(task.fd()));
  EXPECT_TRUE(task.done());
  task.finish();
  EXPECT_TRUE(ran);
}

TEST(BackgroundTask, RunsOnAThreadOfItsOwn) {
  std::thread::id worker;
  BackgroundTask task([&] { worker = std::this_thread::get_id(); });
  task.finish();
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(BackgroundTask, FinishThrowsWhatTheWorkThrewAndOnlyOnce) {
  BackgroundTask task([] { throw std::runtime_error("the disk is gone"); });
  EXPECT_TRUE(readable_within_a_minute(task.fd())) << "failed work has ended too";
  try {
    task.finish();
    FAIL() << "nothing came out of finish()";
  } catch (const std::runtime_error& failure) {
    EXPECT_STREQ(failure.what(), "the disk is gone");
  }
  EXPECT_NO_THROW(task.finish());
}

TEST(BackgroundTask, DestructorWaitsForTheWork) {
  std::promise<void> started;
  std::promise<void> gate;
  std::atomic<bool> ended = false;
  std::thread opener;
  {
    BackgroundTask task([&] {
      started.set_value();
      gate.get_future().wait();
      ended = true;
    });
    started.get_future().wait();
    opener = std::thread([&gate] { gate.set_value(); });
  }
  EXPECT_TRUE(ended);
  opener.join();
}

TEST(BackgroundTask, LeavesNoDescriptorBehind) {
  const auto before = test::open_descriptor_count();
  for (int i = 0; i < 50; ++i) BackgroundTask task([] {});
  EXPECT_EQ(test::open_descriptor_count(), before);
}

}  // namespace
}  // namespace farhand
