// Deltas with a hostile peer: signatures that want to cost time, instructions that want to read or write elsewhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/hash.h"
#include "protocol/transfer/delta/rolling_sum.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/unit/protocol/delta_support.h"

namespace farhand {
namespace {

using delta::Rebuilder;
using delta::Signature;
using test::file_with;
using test::random_content;
using test::Script;
using test::script_for;
using test::signature_of;

constexpr std::uint32_t kBlock = 512;
constexpr std::size_t kBlocks = 2000;

std::string some_base() {
  std::mt19937_64 random(6);
  return random_content(random, kBlocks * kBlock);
}

HashValue hash_of(std::string_view content) {
  ContentHash hash;
  hash.add(bytes_of(content));
  return hash.value();
}

// ---------------------------------------------------------------------------------------------------------------------
// Signatures

// Every block has the weak sum of zeros, and none is zeros.
Signature bait() {
  const std::uint32_t weak = delta::RollingSum::of(bytes_of(std::string(kBlock, '\0'))).mixed();
  Signature signature{{kBlocks * kBlock, 1, kBlock}, {}, {}};
  for (std::uint64_t i = 0; i < kBlocks; ++i) {
    signature.weak.push_back(weak);
    signature.strong.push_back(i);
  }
  return signature;
}

TEST(DeltaHostileSignature, WeakSumsThatAllFitCostAConstantFactor) {
  const std::string zeros(1 << 20, '\0');
  Script script;
  delta::Matcher matcher(bait(), script);
  ASSERT_TRUE(matcher.add(bytes_of(zeros)));
  ASSERT_TRUE(matcher.finish());
  EXPECT_TRUE(script.applied_to("") == zeros);
  EXPECT_GT(matcher.vain_bytes(), 0U);
  EXPECT_LE(matcher.vain_bytes(), 2 * zeros.size() + 64 * kBlock);
}

TEST(DeltaHostileSignature, AnHonestOneCostsAlmostNothingInVain) {
  std::mt19937_64 random(7);
  const std::string base = some_base();
  const std::string fresh = random_content(random, 100'000) + base + random_content(random, 100'000);
  Script script;
  delta::Matcher matcher(signature_of(base, kBlock), script);
  ASSERT_TRUE(matcher.add(bytes_of(fresh)));
  ASSERT_TRUE(matcher.finish());
  EXPECT_EQ(script.copied_bytes(), base.size());
  EXPECT_LE(matcher.vain_bytes(), fresh.size() / 100);
}

TEST(DeltaHostileSignature, AfterTheBaitHonestBlocksAreFoundAgain) {
  Signature signature = bait();
  const std::string honest = some_base().substr(0, 10 * kBlock);
  for (std::size_t i = 0; i < 10; ++i) {
    const Bytes block = bytes_of(honest).subspan(i * kBlock, kBlock);
    signature.weak[i] = delta::RollingSum::of(block).mixed();
    signature.strong[i] = block_hash(block, 1);
  }
  const Script script = script_for(signature, std::string(100'000, '\0') + honest);
  EXPECT_EQ(script.copied_bytes(), honest.size());
}

TEST(DeltaHostileSignature, SumsThatAreAllEqualAreHarmless) {
  Signature signature = bait();
  signature.strong.assign(kBlocks, 1);
  const std::string fresh = std::string(100'000, '\0') + some_base();
  EXPECT_TRUE(script_for(signature, fresh).applied_to("") == fresh);
}

TEST(DeltaHostileSignature, FalseSumsAreFoundOutByTheWholeHash) {
  const std::string base = some_base();
  Signature signature = signature_of(base, kBlock);
  std::swap(signature.strong[3], signature.strong[4]);
  std::swap(signature.weak[3], signature.weak[4]);
  const std::string rebuilt = script_for(signature, base).applied_to(base);
  EXPECT_EQ(rebuilt.size(), base.size());
  EXPECT_NE(hash_of(rebuilt), hash_of(base));
  EXPECT_EQ(hash_of(script_for(signature_of(base, kBlock), base).applied_to(base)), hash_of(base));
}

TEST(DeltaHostileSignature, EveryFlippedBitIsRefusedOrHarmless) {
  const std::string base = some_base().substr(0, 3 * kBlock + 9);
  const std::string fresh = "front" + base;
  const Signature signature = signature_of(base, kBlock);
  const std::vector<std::byte> honest = delta::SignatureWriter(signature).next();
  for (std::size_t bit = 0; bit < 8 * honest.size(); ++bit) {
    std::vector<std::byte> flipped = honest;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    delta::SignatureReader reader;
    if (!reader.take(flipped) || !reader.done()) continue;
    Script script;
    delta::Matcher matcher(*reader.finish(), script);
    ASSERT_TRUE(matcher.add(bytes_of(fresh)));
    ASSERT_TRUE(matcher.finish());
    EXPECT_LE(script.literal_bytes(), fresh.size());
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Instructions

// A base of ten bytes, and whatever was written.
class DeltaRebuilder : public testing::Test {
 protected:
  Rebuilder rebuilder(std::uint64_t most_bytes) {
    return Rebuilder({base_.get(), 10, "file\x1b[2J"}, most_bytes, [this](Bytes bytes) -> Result<void> {
      written_ += text_of(bytes);
      return {};
    });
  }
  void expect_refused(const Result<void>& outcome) const {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
    EXPECT_EQ(outcome.error().message.find('\x1b'), std::string::npos);
    EXPECT_TRUE(written_.empty());
  }

  UniqueFd base_ = file_with("0123456789");
  std::string written_;
};

TEST_F(DeltaRebuilder, FollowsInstructionsInOrder) {
  Rebuilder rebuilder = this->rebuilder(100);
  ASSERT_TRUE(rebuilder.copy(8, 2));
  ASSERT_TRUE(rebuilder.literal(bytes_of("ab")));
  ASSERT_TRUE(rebuilder.copy(0, 10));
  EXPECT_EQ(written_, "89ab0123456789");
  EXPECT_EQ(rebuilder.written_bytes(), 14U);
}

TEST_F(DeltaRebuilder, ARangeBeyondTheBaseIsRefused) {
  expect_refused(rebuilder(100).copy(0, 11));
  expect_refused(rebuilder(100).copy(10, 1));
  expect_refused(rebuilder(100).copy(11, 1));
  ASSERT_TRUE(rebuilder(100).copy(9, 1));
  EXPECT_EQ(written_, "9");
}

TEST_F(DeltaRebuilder, ARangeWhoseEndOverflowsIsRefused) {
  expect_refused(rebuilder(100).copy(~std::uint64_t{0}, 2));
  expect_refused(rebuilder(100).copy(~std::uint64_t{0} - 4, 10));
  expect_refused(rebuilder(~std::uint64_t{0}).copy(5, ~std::uint64_t{0}));
}

TEST_F(DeltaRebuilder, AnEmptyInstructionIsRefused) {
  expect_refused(rebuilder(100).copy(0, 0));
  expect_refused(rebuilder(100).literal({}));
}

TEST_F(DeltaRebuilder, MoreThanWasAnnouncedIsRefused) {
  expect_refused(rebuilder(9).copy(0, 10));
  expect_refused(rebuilder(2).literal(bytes_of("abc")));
  Rebuilder exact = rebuilder(13);
  ASSERT_TRUE(exact.copy(0, 10));
  ASSERT_TRUE(exact.literal(bytes_of("abc")));
  const std::string before = written_;
  EXPECT_FALSE(exact.copy(0, 1));
  EXPECT_FALSE(exact.literal(bytes_of("x")));
  EXPECT_EQ(written_, before);
}

TEST_F(DeltaRebuilder, OneInstructionNeverTakesLong) {
  const std::uint64_t bytes = delta::kMaxCopyBytes + 1;
  const UniqueFd base = file_with(std::string(bytes, 'x'));
  std::uint64_t written = 0;
  Rebuilder rebuilder({base.get(), bytes, "file"}, 2 * bytes, [&](Bytes piece) -> Result<void> {
    written += piece.size();
    return {};
  });
  expect_refused(rebuilder.copy(0, bytes));
  EXPECT_TRUE(rebuilder.copy(1, delta::kMaxCopyBytes));
  EXPECT_EQ(written, delta::kMaxCopyBytes);
}

TEST_F(DeltaRebuilder, ABaseCutOffMeanwhileIsNoticed) {
  ASSERT_EQ(::ftruncate(base_.get(), 5), 0);
  const auto outcome = rebuilder(100).copy(0, 10);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kSourceChanged);
}

TEST_F(DeltaRebuilder, ABaseThatCannotBeReadIsAnError) {
  base_ = UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto outcome = rebuilder(100).copy(0, 10);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().code, ErrorCode::kProtocol);
}

TEST_F(DeltaRebuilder, WhoeverWritesMayFail) {
  Rebuilder rebuilder({base_.get(), 10, "file"}, 100,
                      [](Bytes) -> Result<void> { return fail(ErrorCode::kNoSpace, "the disk is full"); });
  EXPECT_EQ(rebuilder.copy(0, 10).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(rebuilder.literal(bytes_of("a")).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(rebuilder.written_bytes(), 0U);
}

TEST(DeltaWhole, AMatcherAndARebuilderMakeTheNewFile) {
  const std::string base = some_base();
  std::string fresh = base;
  fresh.insert(200'000, "inserted");
  fresh.erase(500'000, 4000);
  const UniqueFd file = file_with(base);
  std::string written;
  Rebuilder rebuilder({file.get(), base.size(), "file"}, fresh.size(), [&](Bytes bytes) -> Result<void> {
    written += text_of(bytes);
    return {};
  });
  delta::Matcher matcher(signature_of(base), rebuilder);
  ASSERT_TRUE(matcher.add(bytes_of(fresh)));
  ASSERT_TRUE(matcher.finish());
  EXPECT_EQ(hash_of(written), hash_of(fresh));
}

}  // namespace
}  // namespace farhand
