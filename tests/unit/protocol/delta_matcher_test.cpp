// Deltas of honest files: what comes out is the new content, and few bytes of it are sent.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/protocol/delta_support.h"

namespace farhand {
namespace {

using test::Copy;
using test::random_content;
using test::Script;
using test::script_for;
using test::signature_of;

constexpr std::uint32_t kBlock = 1024;
constexpr std::size_t kBlocks = 300;

// 300 blocks and a short one.
std::string long_base() {
  std::mt19937_64 random(1);
  return random_content(random, kBlocks * kBlock + 77);
}

std::string fresh_content(std::size_t bytes) {
  std::mt19937_64 random(2);
  return random_content(random, bytes);
}

// The new content comes out, and is said with at most so many bytes of its own.
void expect_delta(const std::string& base, const std::string& fresh, std::uint64_t most_literal_bytes) {
  const Script script = script_for(signature_of(base, kBlock), fresh);
  EXPECT_TRUE(script.applied_to(base) == fresh);
  EXPECT_LE(script.literal_bytes(), most_literal_bytes);
}

TEST(DeltaMatcher, NothingIsSaidOfNothing) {
  EXPECT_TRUE(script_for(signature_of("", kBlock), "").steps.empty());
  EXPECT_TRUE(script_for(signature_of(long_base(), kBlock), "").steps.empty());
}

TEST(DeltaMatcher, AnEmptyBaseGivesLiterals) {
  expect_delta("", "x", 1);
  expect_delta("", long_base(), long_base().size());
}

TEST(DeltaMatcher, ASmallFileThatIsTheSameIsNotSent) {
  expect_delta("one line\n", "one line\n", 0);
}

TEST(DeltaMatcher, ASmallFileThatGrewIsSentWithoutItsBeginning) {
  expect_delta("one line\n", "one line\nanother\n", 8);
}

TEST(DeltaMatcher, ASmallFileThatGrewInFrontIsSentWithoutItsEnd) {
  expect_delta("one line\n", "another\none line\n", 8);
}

TEST(DeltaMatcher, AnEqualFileIsNotSent) {
  expect_delta(long_base(), long_base(), 0);
  expect_delta(long_base().substr(0, kBlocks * kBlock), long_base().substr(0, kBlocks * kBlock), 0);
}

TEST(DeltaMatcher, AnEqualFileIsOneRangeUpToTheLimit) {
  std::mt19937_64 random(3);
  const std::string base = random_content(random, (9 << 20) + 5);
  const Script script = script_for(signature_of(base), base);
  ASSERT_EQ(script.steps.size(), 3U);
  EXPECT_EQ(std::get<Copy>(script.steps[0]).length, delta::kMaxCopyBytes);
  EXPECT_EQ(std::get<Copy>(script.steps[2]).offset, 2 * delta::kMaxCopyBytes);
}

TEST(DeltaMatcher, WhatIsAppendedIsAllThatIsSent) {
  expect_delta(long_base(), long_base() + fresh_content(5000), 5000);
}

TEST(DeltaMatcher, WhatIsPutInFrontIsAllThatIsSent) {
  expect_delta(long_base(), fresh_content(100) + long_base(), 100);
}

TEST(DeltaMatcher, AnInsertionCostsItsBytesAndABlock) {
  std::string fresh = long_base();
  fresh.insert(100'000, fresh_content(333));
  expect_delta(long_base(), fresh, 333 + kBlock);
}

TEST(DeltaMatcher, ADeletionCostsTwoBlocks) {
  std::string fresh = long_base();
  fresh.erase(100'000, 3333);
  expect_delta(long_base(), fresh, 2 * kBlock);
}

TEST(DeltaMatcher, AFileCutOffCostsABlock) {
  expect_delta(long_base(), long_base().substr(0, 100'000), kBlock);
}

TEST(DeltaMatcher, AMovedPartCostsItsEdges) {
  std::string fresh = long_base();
  std::rotate(fresh.begin() + 10'000, fresh.begin() + 60'123, fresh.begin() + 200'000);
  expect_delta(long_base(), fresh, 4 * kBlock);
}

TEST(DeltaMatcher, AChangedByteCostsItsBlock) {
  std::string fresh = long_base();
  for (std::size_t at = 5000; at < fresh.size(); at += 50'000) fresh[at] ^= 1;
  expect_delta(long_base(), fresh, 7 * kBlock);
}

TEST(DeltaMatcher, RepeatedBlocksAreSaidOfOne) {
  const std::string block = fresh_content(kBlock);
  std::string fresh;
  for (int i = 0; i < 50; ++i) fresh += block;
  expect_delta(block + long_base(), fresh, 0);
}

TEST(DeltaMatcher, ZerosAreNotSent) {
  expect_delta(std::string(100'000, '\0'), std::string(200'001, '\0'), kBlock);
}

TEST(DeltaMatcher, AByteAmongZerosCostsItsBlock) {
  std::string fresh(100'000, '\0');
  fresh[50'000] = 'x';
  expect_delta(std::string(100'000, '\0'), fresh, 2 * kBlock);
}

TEST(DeltaMatcher, TheBaseIsFoundAgainBehindALongNewPart) {
  expect_delta(long_base(), fresh_content(kBlock * 1000) + long_base(), kBlock * 1000 + 4 * kBlock);
}

TEST(DeltaMatcher, BehindALongNewPartSingleBlocksAreFoundAgain) {
  std::string fresh = fresh_content(kBlock * 1000) + long_base().substr(0, 10 * kBlock);
  for (std::size_t block = 20; block < 40; ++block) {
    fresh += fresh_content(kBlock * 10 + block) + long_base().substr(block * kBlock, kBlock);
  }
  expect_delta(long_base(), fresh, fresh.size() - 26 * kBlock);
}

TEST(DeltaMatcher, PiecesChangeNothing) {
  std::string fresh = long_base();
  fresh.insert(100'000, fresh_content(333));
  fresh.erase(30'000, 1);
  fresh += "end";
  const delta::Signature signature = signature_of(long_base(), kBlock);
  const std::uint64_t literal_bytes = script_for(signature, fresh).literal_bytes();
  for (const std::size_t piece : {1U, 2U, 1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 5000U, 65'536U}) {
    const Script script = script_for(signature, fresh, piece);
    EXPECT_TRUE(script.applied_to(long_base()) == fresh) << piece;
    EXPECT_EQ(script.literal_bytes(), literal_bytes) << piece;
  }
}

TEST(DeltaMatcher, LargeBlocksAndSmallPiecesFit) {
  std::mt19937_64 random(4);
  const std::string base = random_content(random, 300'000);
  const std::string fresh = "front" + base;
  const Script script = script_for(signature_of(base, 128 << 10), fresh, 10'000);
  EXPECT_TRUE(script.applied_to(base) == fresh);
  EXPECT_EQ(script.literal_bytes(), 5U);
}

// A sink's failure ends the work at once and is handed on.
struct FullDisk final : delta::Sink {
  Result<void> literal(Bytes) override { return fail(ErrorCode::kNoSpace, "full"); }
  Result<void> copy(std::uint64_t, std::uint64_t) override { return fail(ErrorCode::kNoSpace, "full"); }
};

TEST(DeltaMatcher, TheSinksFailureIsHandedOn) {
  FullDisk disk;
  delta::Matcher literals(signature_of(long_base(), kBlock), disk);
  EXPECT_FALSE(literals.add(bytes_of(fresh_content(10'000))));
  delta::Matcher copies(signature_of(long_base(), kBlock), disk);
  const std::string fresh = long_base();
  const Result<void> added = copies.add(bytes_of(fresh));
  EXPECT_TRUE(!added || !copies.finish());
}

// ---------------------------------------------------------------------------------------------------------------------
// Any two files

// A new content out of pieces of the base and of its own.
std::string edited(std::mt19937_64& random, const std::string& base, unsigned letters) {
  std::string fresh;
  for (auto parts = random() % 6; parts > 0; --parts) {
    if (random() % 3 == 0 || base.empty()) {
      fresh += random_content(random, random() % 1500, letters);
    } else {
      const std::size_t from = random() % base.size();
      fresh += base.substr(from, random() % 4000);
    }
  }
  return fresh;
}

TEST(DeltaMatcher, AnyTwoFilesComeOutRight) {
  constexpr std::uint64_t kSeed = 20'260'101;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 3000; ++round) {
    const unsigned letters = std::array{1U, 2U, 256U}[random() % 3];
    const std::string base = random_content(random, random() % 5000, letters);
    const std::string fresh = edited(random, base, letters);
    const auto block_bytes = static_cast<std::uint32_t>(512 + random() % 600);
    const delta::Signature signature = signature_of(base, block_bytes, 1 + random() % 3000);
    const Script script = script_for(signature, fresh, 1 + random() % 3000);
    ASSERT_TRUE(script.applied_to(base) == fresh) << "seed " << kSeed << ", round " << round;
  }
}

}  // namespace
}  // namespace farhand
