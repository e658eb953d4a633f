// Deadline: rounding for poll(2), the special value never, and comparison.
#include "common/deadline.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace farhand {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Deadline, NeverDoesNotPassAndWaitsWithoutEnd) {
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
}

TEST(Deadline, APassedOneNeverGivesAnEndlessWait) {
  const auto deadline = Deadline::after(seconds(-5));
  EXPECT_TRUE(deadline.passed());
  EXPECT_EQ(deadline.poll_timeout(), 0) << "a negative timeout would wait for ever";
}

TEST(Deadline, AFractionOfAMillisecondIsRoundedUp) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto deadline = Deadline::after(microseconds(900));
    const int timeout = deadline.poll_timeout();
    if (timeout == 0) {
      // Only if the time is really over, not because the rest was cut off.
      EXPECT_TRUE(deadline.passed());
    } else {
      EXPECT_EQ(timeout, 1);
    }
  }
}

TEST(Deadline, AWaitOfItsTimeoutEndsWhenItHasPassed) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto deadline = Deadline::after(microseconds(1500));
    ::poll(nullptr, 0, deadline.poll_timeout());
    EXPECT_TRUE(deadline.passed());
  }
}

TEST(Deadline, TimeoutIsWhatIsLeft) {
  const int timeout = Deadline::after(seconds(100)).poll_timeout();
  EXPECT_GT(timeout, 60'000);
  EXPECT_LE(timeout, 100'000);
}

TEST(Deadline, AFarOneStaysWithinPollsRange) {
  const int timeout = Deadline::after(hours(24 * 365 * 50)).poll_timeout();
  EXPECT_GT(timeout, 0);
}

TEST(Deadline, EarlierTakesTheEarlierInEitherOrder) {
  const auto soon = Deadline::after(seconds(1));
  const auto late = Deadline::after(seconds(2));
  EXPECT_EQ(Deadline::earlier(soon, late).when(), soon.when());
  EXPECT_EQ(Deadline::earlier(late, soon).when(), soon.when());
  EXPECT_EQ(Deadline::earlier(Deadline::never(), late).when(), late.when());
}

TEST(Deadline, AtKeepsTheMoment) {
  const auto moment = Deadline::Clock::now() + milliseconds(1234);
  EXPECT_EQ(Deadline::at(moment).when(), moment);
}

}  // namespace
}  // namespace farhand
