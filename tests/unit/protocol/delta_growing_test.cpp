// The matcher while its signature still grows: what is said early, what waits, and that nothing is lost by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "common/hash.h"
#include "tests/unit/protocol/delta_support.h"

namespace farhand {
namespace {

using delta::Matcher;
using delta::Signature;
using test::random_content;
using test::Script;
using test::script_for;
using test::signature_of;

constexpr std::uint32_t kBlock = 512;
constexpr std::size_t kBlocks = 64;

std::string some_base(unsigned seed = 3, std::size_t bytes = kBlocks * kBlock + 100) {
  std::mt19937_64 random(seed);
  return random_content(random, bytes);
}

// A matcher, and the signature that it sees as much of as it is shown.
struct Growing {
  explicit Growing(Signature all) : whole(std::move(all)), matcher(shown, script) {}

  void show(std::size_t blocks) {
    for (; blocks > 0 && !shown->complete(); --blocks) {
      shown->weak.push_back(whole.weak[shown->blocks()]);
      shown->strong.push_back(whole.strong[shown->blocks()]);
    }
    ASSERT_TRUE(matcher.go_on());
  }
  void show_all() { show(whole.blocks()); }
  void add(const std::string& bytes) { ASSERT_TRUE(matcher.add(bytes_of(bytes))); }
  [[nodiscard]] std::uint64_t said_bytes() const { return script.literal_bytes() + script.copied_bytes(); }

  Signature whole;
  std::shared_ptr<Signature> shown = std::make_shared<Signature>(Signature{whole.shape, {}, {}});
  Script script;
  Matcher matcher;
};

TEST(DeltaGrowing, NothingIsSaidOfBlocksThatAreNotKnown) {
  Growing growing(signature_of(some_base(), kBlock));
  growing.add(some_base());
  EXPECT_TRUE(growing.matcher.waits());
  EXPECT_EQ(growing.said_bytes(), 0u);
}

TEST(DeltaGrowing, WhatIsKnownIsSaidBeforeTheRestIs) {
  const std::string base = some_base(1, (8 << 20) + (4 << 20));
  Growing growing(signature_of(base, 64 << 10));
  growing.show(160);
  growing.add(base);
  EXPECT_TRUE(growing.matcher.waits());
  EXPECT_EQ(growing.script.copied_bytes(), 8u << 20) << "two copies of 4 MiB, and one that may still grow";
  growing.show_all();
  ASSERT_TRUE(growing.matcher.finish());
  EXPECT_EQ(growing.script.copied_bytes(), base.size());
  EXPECT_EQ(growing.script.literal_bytes(), 0u);
}

TEST(DeltaGrowing, AChangedBlockIsSaidAtOnceAndCostsItself) {
  const std::string base = some_base();
  for (const std::size_t changed : {1u, 2u}) {
    std::string fresh = base;
    for (std::size_t i = 0; i < changed; ++i) fresh[(5 + i) * kBlock + 9] ^= 1;
    Growing growing(signature_of(base, kBlock));
    growing.show(20);
    growing.add(fresh);
    EXPECT_EQ(growing.script.literal_bytes(), changed * kBlock);
    growing.show_all();
    ASSERT_TRUE(growing.matcher.finish());
    EXPECT_EQ(growing.script.literal_bytes(), changed * kBlock);
    EXPECT_TRUE(growing.script.applied_to(base) == fresh);
  }
}

TEST(DeltaGrowing, ALongerDifferenceWaitsForTheWholeAndCostsNoMoreForIt) {
  const std::string base = some_base();
  const std::string fresh = base.substr(0, 10 * kBlock) + "something" + base.substr(10 * kBlock);
  Growing growing(signature_of(base, kBlock));
  growing.show(kBlocks - 1);
  growing.add(fresh);
  EXPECT_TRUE(growing.matcher.waits());
  EXPECT_EQ(growing.script.literal_bytes(), 0u);
  growing.show_all();
  EXPECT_FALSE(growing.matcher.waits());
  ASSERT_TRUE(growing.matcher.finish());
  EXPECT_EQ(growing.script.literal_bytes(), 9u);
  EXPECT_TRUE(growing.script.applied_to(base) == fresh);
}

TEST(DeltaGrowing, AnUnequalBlockAtAPiecesEndWaitsForItsBytesAndNotForSums) {
  const std::string base = some_base();
  std::string fresh = base;
  fresh[5 * kBlock] ^= 1;
  Growing growing(signature_of(base, kBlock));
  growing.show(20);
  growing.add(fresh.substr(0, 6 * kBlock));
  EXPECT_FALSE(growing.matcher.waits());
  EXPECT_EQ(growing.script.literal_bytes(), 0u);
  growing.add(fresh.substr(6 * kBlock, kBlock));
  EXPECT_EQ(growing.script.literal_bytes(), kBlock);
}

TEST(DeltaGrowing, AFileThatIsShorterOrLongerThanItsBaseIsRight) {
  const std::string base = some_base();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{10 * kBlock + 7}, base.size() - 1,
                                  base.size(), base.size() + 3000}) {
    const std::string fresh = (base + some_base(9)).substr(0, bytes);
    Growing growing(signature_of(base, kBlock));
    growing.show(30);
    growing.add(fresh);
    growing.show_all();
    ASSERT_TRUE(growing.matcher.finish());
    EXPECT_TRUE(growing.script.applied_to(base) == fresh) << bytes;
  }
}

TEST(DeltaGrowing, FalseSumsWhileItGrowsAreFoundOutByTheWholeHash) {
  const std::string base = some_base();
  std::string other = base;
  other[20 * kBlock] ^= 1;
  Growing growing(signature_of(other, kBlock));
  growing.whole.strong[20] = signature_of(base, kBlock).strong[20];  // says that it has the sender's
  growing.show_all();
  growing.add(base);
  ASSERT_TRUE(growing.matcher.finish());
  EXPECT_FALSE(growing.script.applied_to(other) == base);
  EXPECT_EQ(growing.said_bytes(), base.size());
}

// Some of a base's pieces in their places, some moved, some changed; the sums in steps of all sizes.
TEST(DeltaGrowing, AnyTwoFilesComeOutRightAndCostLittleMoreThanWithAllSumsAtOnce) {
  std::mt19937_64 random(20);
  for (int round = 0; round < 300; ++round) {
    const std::string base = some_base(static_cast<unsigned>(round), random() % (kBlocks * kBlock) + kBlock);
    std::string fresh = base;
    std::size_t changes = random() % 6;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t at = random() % (fresh.size() + 1);
      const std::string bytes = random_content(random, random() % 700);
      if (random() % 2 == 0) {
        fresh.insert(at, bytes);
      } else {
        fresh.replace(at, std::min(bytes.size(), fresh.size() - at), bytes);
      }
    }
    Growing growing(signature_of(base, kBlock));
    for (std::string rest = fresh; !rest.empty() || growing.matcher.lacks_sums();) {
      if (random() % 2 == 0) growing.show(random() % 8);
      const std::size_t piece = std::min<std::size_t>(rest.size(), growing.matcher.waits() ? 0 : random() % 5000);
      growing.add(rest.substr(0, piece));
      rest.erase(0, piece);
    }
    ASSERT_TRUE(growing.matcher.finish());
    ASSERT_TRUE(growing.script.applied_to(base) == fresh) << round;
    const std::uint64_t at_once = script_for(growing.whole, fresh).literal_bytes();
    ASSERT_LE(growing.script.literal_bytes(), at_once + 2 * kBlock * changes) << round;
  }
}

}  // namespace
}  // namespace farhand
