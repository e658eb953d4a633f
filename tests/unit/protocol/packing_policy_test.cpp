// When content is packed, and how hard: decisions alone, with a clock of their own.
#include "protocol/transfer/packing_policy.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"

namespace farhand {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = 1 << 20;

TEST(PackingPolicy, AFileBeginsWithASampleAndGoesOnInFullPieces) {
  PackingPolicy policy;
  policy.begin_file();
  EXPECT_TRUE(policy.packs());
  EXPECT_EQ(policy.piece_bytes(), 64U << 10);
  policy.packed(64 << 10, 32 << 10);
  EXPECT_TRUE(policy.packs());
  EXPECT_EQ(policy.piece_bytes(), kMaxPackedContent);
}

TEST(PackingPolicy, ATwentiethIsTheLeastThatIsWorthIt) {
  PackingPolicy policy;
  policy.packed(10'000, 9'500);
  EXPECT_TRUE(policy.packs());
  policy.packed(10'000, 9'501);
  EXPECT_FALSE(policy.packs());
}

TEST(PackingPolicy, WhatDoesNotShrinkIsLookedAtAgainLessAndLessOften) {
  PackingPolicy policy;
  policy.begin_file();
  for (const std::uint64_t plain : {1, 2, 4, 8, 16, 16, 16}) {
    ASSERT_TRUE(policy.packs());
    EXPECT_EQ(policy.piece_bytes(), 64U << 10) << "a sample";
    policy.packed(64 << 10, 64 << 10);
    for (std::uint64_t gone = 0; gone < plain * kMiB; gone += kPieceBytes) {
      ASSERT_FALSE(policy.packs()) << plain << " MiB, " << gone;
      policy.went_plain(policy.piece_bytes());
    }
  }
}

TEST(PackingPolicy, WhatShrinksAgainMakesItLookAgainSoon) {
  PackingPolicy policy;
  policy.packed(64 << 10, 64 << 10);
  policy.went_plain(1 * kMiB);
  policy.packed(64 << 10, 1 << 10);
  EXPECT_EQ(policy.piece_bytes(), kMaxPackedContent);
  policy.packed(kMaxPackedContent, kMaxPackedContent);
  policy.went_plain(1 * kMiB);
  EXPECT_TRUE(policy.packs());
}

TEST(PackingPolicy, TheNextFileIsLookedAtForItself) {
  PackingPolicy policy;
  policy.packed(64 << 10, 64 << 10);
  EXPECT_FALSE(policy.packs());
  policy.begin_file();
  EXPECT_TRUE(policy.packs());
}

TEST(PackingPolicy, PlainBytesOfNoStretchChangeNothing) {
  PackingPolicy policy;
  policy.went_plain(5 * kMiB);
  EXPECT_TRUE(policy.packs());
}

// ---------------------------------------------------------------------------------------------------------------------
// The link

// A second a stretch of 4 MiB, of which so much is spent waiting.
struct Link {
  PackingPolicy policy;
  PackingPolicy::Time now = PackingPolicy::Time(std::chrono::hours(1));
  PackingPolicy::Duration held_up{};
  int level = policy.level(now, held_up);

  int after(milliseconds waiting, std::uint64_t content = 4 * kMiB) {
    policy.packed(content, content / 4);
    now += std::chrono::seconds(1);
    held_up += waiting;
    return level = policy.level(now, held_up);
  }
};

TEST(PackingPolicy, ALinkThatMakesItWaitIsGivenMoreTime) {
  Link link;
  EXPECT_EQ(link.level, 3);
  EXPECT_EQ(link.after(milliseconds(501)), 6);
  EXPECT_EQ(link.after(milliseconds(999)), 6) << "that is the most";
}

TEST(PackingPolicy, ALinkThatTakesEverythingAtOnceIsGivenLess) {
  Link link;
  EXPECT_EQ(link.after(milliseconds(99)), 1);
  EXPECT_EQ(link.after(milliseconds(0)), 1) << "that is the least";
  EXPECT_EQ(link.after(milliseconds(900)), 3);
}

TEST(PackingPolicy, InBetweenTheLevelStays) {
  Link link;
  for (const int waiting : {100, 300, 500}) EXPECT_EQ(link.after(milliseconds(waiting)), 3) << waiting;
}

TEST(PackingPolicy, ALittleContentSaysNothingOfTheLink) {
  Link link;
  EXPECT_EQ(link.after(milliseconds(1000), 3 * kMiB), 3);
  EXPECT_EQ(link.after(milliseconds(1000), 1 * kMiB), 6);
}

}  // namespace
}  // namespace farhand
