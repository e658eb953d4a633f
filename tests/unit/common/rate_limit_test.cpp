// RateLimit with times that are told to it: nothing here waits.
#include "common/rate_limit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace farhand {
namespace {

using namespace std::chrono_literals;
using Time = RateLimit::Time;

constexpr Time kBegin{std::chrono::hours(1000)};

// Sends all that is allowed, in pieces of `piece`, and wakes up late by at most `late`. What has gone out by `end`.
std::uint64_t sent_until(RateLimit& limit, Time begin, Time end, std::uint64_t piece, Deadline::Clock::duration late) {
  std::mt19937 dice(1);
  std::uint64_t sent = 0;
  for (Time now = begin; now < end;) {
    const std::uint64_t bytes = std::min(piece, limit.allowance(now));
    limit.spent(bytes);
    sent += bytes;
    if (bytes == 0) now = limit.next().when() + Deadline::Clock::duration(dice() % (late.count() + 1));
  }
  return sent;
}

class EveryRate : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(EveryRate, IsKeptWithin2PercentOfASecond) {
  const std::uint64_t rate = GetParam();
  for (const auto late : {0us, 50us, 4000us}) {
    RateLimit limit(rate);
    // The fastest would take two million pieces a second.
    const std::uint64_t piece = std::max<std::uint64_t>(RateLimit::kPiece, rate / 1000);
    const double sent = static_cast<double>(sent_until(limit, kBegin, kBegin + 1s, piece, late));
    EXPECT_NEAR(sent, static_cast<double>(rate), std::max(0.02 * static_cast<double>(rate), 1.0)) << late.count();
  }
}

TEST_P(EveryRate, IsKeptOverALongTime) {
  const std::uint64_t rate = GetParam();
  RateLimit limit(rate);
  const std::uint64_t piece = std::max<std::uint64_t>(RateLimit::kPiece, rate / 1000);
  const double sent = static_cast<double>(sent_until(limit, kBegin, kBegin + 100s, piece, 1ms));
  EXPECT_NEAR(sent / 100, static_cast<double>(rate), std::max(0.0005 * static_cast<double>(rate), 0.05));
}

TEST_P(EveryRate, IsCaughtUpByOneBurstAfterAPause) {
  const std::uint64_t rate = GetParam();
  RateLimit limit(rate);
  sent_until(limit, kBegin, kBegin + 1s, rate, 0s);
  const std::uint64_t burst = limit.allowance(kBegin + 1000h);
  EXPECT_EQ(burst, std::max<std::uint64_t>(rate / 10, RateLimit::kPiece));
}

// An allowance that were rounded away at the moment that next() has named would make a caller spin.
TEST_P(EveryRate, NextIsAMomentWithAnAllowance) {
  RateLimit limit(GetParam());
  std::mt19937 dice(2);
  Time now = kBegin;
  for (int i = 0; i < 10000; ++i) {
    limit.spent(limit.allowance(now) + dice() % 100);
    ASSERT_EQ(limit.allowance(now), 0U);
    ASSERT_GT(limit.next().when(), now);
    now = limit.next().when();
    ASSERT_GT(limit.allowance(now), 0U);
    ASSERT_LE(limit.next().when(), now);
  }
}

INSTANTIATE_TEST_SUITE_P(Rates, EveryRate,
                         ::testing::Values(1, 3, 100, 999, 65536, 1'000'000, 12'345'678, 1'250'000'000,
                                           RateLimit::kFastest));

TEST(RateLimit, WakesAHundredTimesASecondAndNotForEachByte) {
  RateLimit limit(100'000);
  limit.spent(limit.allowance(kBegin));
  EXPECT_EQ(limit.allowance(kBegin + 9ms), 0U);
  EXPECT_EQ(limit.next().when() - kBegin, 10ms + 1ns);
  EXPECT_GE(limit.allowance(kBegin + 11ms), 1000U);
}

TEST(RateLimit, WhatWasTooMuchIsPaidFirst) {
  RateLimit limit(1'000'000);
  limit.allowance(kBegin);
  limit.spent(1'010'000);  // a second, and what it began with
  EXPECT_EQ(limit.allowance(kBegin + 1s), 0U);
  EXPECT_EQ(limit.allowance(kBegin + 1009ms), 0U);
  EXPECT_GE(limit.allowance(kBegin + 1011ms), 10'000U);
}

TEST(RateLimit, NoAmountOverflows) {
  RateLimit limit(1);
  for (int i = 0; i < 100; ++i) limit.spent(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(limit.allowance(kBegin), 0U);
  EXPECT_EQ(limit.next().when(), kBegin + 24h + 1ns);
  EXPECT_EQ(limit.allowance(Time::max()), 0U);
}

TEST(RateLimit, ARateOfNothingIsTheSlowestAndAnImpossibleOneTheFastest) {
  EXPECT_EQ(RateLimit(0).allowance(kBegin), 1U);
  RateLimit fastest(std::numeric_limits<std::uint64_t>::max());
  fastest.allowance(kBegin);
  EXPECT_EQ(fastest.allowance(kBegin + 1h), RateLimit::kFastest / 10);
}

TEST(RateLimit, TimeThatRunsBackwardsGivesNothing) {
  RateLimit limit(1000);
  limit.spent(limit.allowance(kBegin));
  EXPECT_EQ(limit.allowance(kBegin - 1h), 0U);
  EXPECT_EQ(limit.allowance(kBegin), 0U);
}

}  // namespace
}  // namespace farhand
