// StripeQueue: shared out, given back, taken over; and in what stretches a file is cut.
#include "client/commands/stripe_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "client/commands/lanes.h"
#include "client/commands/stripes.h"

namespace farhand {
namespace {

TEST(StripeQueue, AFileIsCutIntoStretchesThatFollowEachOtherToItsEnd) {
  StripeQueue queue;
  queue.add(7, 25, 10);
  for (const auto& [offset, length] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 10}, {10, 10}, {20, 5}}) {
    const auto stripe = queue.take();
    ASSERT_TRUE(stripe);
    EXPECT_EQ(stripe->file, 7u);
    EXPECT_EQ(stripe->offset, offset);
    EXPECT_EQ(stripe->length, length);
  }
  EXPECT_FALSE(queue.take());
}

TEST(StripeQueue, WhatALostOneHadIsTheNextThatAnotherTakes) {
  StripeQueue queue;
  queue.add(0, 30, 10);
  const auto lost = queue.take();
  std::ignore = queue.take();
  queue.give_back(*lost);
  EXPECT_EQ(queue.take()->offset, lost->offset);
}

TEST(StripeQueue, NothingIsOverWhileSomebodyMayStillGiveBack) {
  StripeQueue queue;
  queue.add(0, 10, 10);
  const auto only = queue.take();
  EXPECT_FALSE(queue.take());
  EXPECT_FALSE(queue.over());
  EXPECT_FALSE(queue.news().rung());
  queue.give_back(*only);
  EXPECT_TRUE(queue.news().rung());
  EXPECT_FALSE(queue.over());
  ASSERT_TRUE(queue.take());
  queue.done();
  EXPECT_TRUE(queue.over());
}

TEST(StripeQueue, WhatCannotBeCarriedTakesTheRestOfItsFileWithIt) {
  StripeQueue queue;
  queue.add(0, 30, 10);
  queue.add(1, 10, 10);
  const auto refused = queue.take();
  const auto lost = queue.take();
  queue.drop(*refused);
  queue.give_back(*lost);  // of the same file: nobody wants it any more
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(queue.take()->file, 1u);
  queue.done();
  EXPECT_TRUE(queue.over());
}

TEST(StripeQueue, EachIsCarriedOnceHoweverManyTakeAndGiveBack) {
  StripeQueue queue;
  constexpr std::uint64_t kStripes = 2000;
  queue.add(0, kStripes, 1);
  std::vector<std::atomic<int>> carried(kStripes);
  const auto work = [&](std::uint64_t fails_at_every) {
    std::uint64_t taken = 0;
    while (!queue.over()) {
      const auto stripe = queue.take();
      if (!stripe) continue;
      if (++taken % fails_at_every == 0) {
        queue.give_back(*stripe);
      } else {
        ++carried[stripe->offset];
        queue.done();
      }
    }
  };
  std::thread one(work, 2), other(work, 3), third(work, 5);
  one.join(), other.join(), third.join();
  for (const auto& count : carried) EXPECT_EQ(count, 1);
}

TEST(StripeBytes, AreWholeBlocksAndSeveralForEachConnection) {
  for (const std::uint64_t size :
       {kLeastStriped, kLeastStriped + 1, std::uint64_t{300'000'001}, std::uint64_t{1} << 40}) {
    for (const std::size_t connections : {std::size_t{2}, std::size_t{4}, kMostConnections}) {
      const std::uint64_t bytes = stripe_bytes(size, connections);
      EXPECT_EQ(bytes % (1 << 20), 0u);
      EXPECT_GE(bytes, 16u << 20);
      EXPECT_LE(bytes, 256u << 20);
    }
  }
  EXPECT_EQ(stripe_bytes(kLeastStriped, 4), 16u << 20);
}

TEST(ConnectionsOver, SeveralOnlyWhereALongLinkHasNothingAgainstLosses) {
  using std::chrono::milliseconds;
  EXPECT_EQ(connections_over(std::nullopt), 1u);
  EXPECT_EQ(connections_over(LinkFacts{milliseconds(19), false}), 1u);
  EXPECT_EQ(connections_over(LinkFacts{milliseconds(20), false}), 4u);
  EXPECT_EQ(connections_over(LinkFacts{milliseconds(200), true}), 1u);
}

}  // namespace
}  // namespace farhand
