// Signatures: their sums, their limits, and their way over the wire.
#include <gtest/gtest.h>

#include "common/hash.h"
#include "protocol/transfer/delta/block_index.h"
#include "protocol/transfer/delta/rolling_sum.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/unit/protocol/delta_support.h"
#include "tests/unit/protocol/memory_meter.h"

namespace farhand {
namespace {

using delta::RollingSum;
using delta::Signature;
using delta::SignatureMaker;
using delta::SignatureReader;
using delta::SignatureWriter;
using test::random_content;
using test::signature_of;

using Piece = std::vector<std::byte>;

std::string some_base(std::size_t bytes) {
  std::mt19937_64 random(5);
  return random_content(random, bytes);
}

TEST(DeltaRollingSum, RollingGivesTheSumOfEachWindow) {
  const std::string content = some_base(3000);
  for (const std::uint32_t window : {1U, 7U, 8U, 512U, 1025U}) {
    RollingSum rolled = RollingSum::of(bytes_of(content).first(window));
    for (std::size_t at = 0; at + window < content.size(); ++at) {
      ASSERT_EQ(rolled.mixed(), RollingSum::of(bytes_of(content).subspan(at, window)).mixed()) << window << " " << at;
      rolled.roll(bytes_of(content)[at], bytes_of(content)[at + window], window);
    }
  }
}

// As the header writes it down; all bytes as large as they can be, too, for what adds up in few bits.
TEST(DeltaRollingSum, OfABlockIsTheSumOfItsBytes) {
  for (const std::string& content : {some_base(20'000), std::string(20'000, '\xff')}) {
    for (const std::size_t bytes : {0U, 1U, 15U, 16U, 255U, 256U, 257U, 511U, 512U, 4096U, 16'384U, 20'000U}) {
      RollingSum added = RollingSum::of({});
      for (const std::byte byte : bytes_of(content).first(bytes)) added.roll(std::byte{0}, byte, 0);
      EXPECT_EQ(RollingSum::of(bytes_of(content).first(bytes)).mixed(), added.mixed()) << bytes;
    }
  }
}

TEST(DeltaRollingSum, OrderAndPlaceCount) {
  EXPECT_NE(RollingSum::of(bytes_of("ab")).mixed(), RollingSum::of(bytes_of("ba")).mixed());
  EXPECT_NE(RollingSum::of(bytes_of(std::string("a\0", 2))).mixed(),
            RollingSum::of(bytes_of(std::string("\0a", 2))).mixed());
}

TEST(DeltaSignature, ASumForEachBlockAndTheShortLastOne) {
  const std::string base = some_base(2 * 512 + 1);
  const Signature signature = signature_of(base, 512);
  ASSERT_EQ(signature.blocks(), 3U);
  EXPECT_EQ(signature.strong[1], block_hash(bytes_of(base).subspan(512, 512), signature.shape.seed));
  EXPECT_EQ(signature.strong[2], block_hash(bytes_of(base).last(1), signature.shape.seed));
  EXPECT_EQ(signature_of("", 512).blocks(), 0U);
}

TEST(DeltaSignature, PiecesOfTheBaseChangeNothing) {
  const std::string base = some_base(5000);
  const Signature whole = signature_of(base, 512);
  for (const std::size_t piece : {1U, 511U, 512U, 513U, 1024U, 4999U}) {
    const Signature pieced = signature_of(base, 512, piece);
    EXPECT_EQ(pieced.weak, whole.weak) << piece;
    EXPECT_EQ(pieced.strong, whole.strong) << piece;
  }
}

TEST(DeltaSignature, TheSeedIsInEveryStrongSum) {
  auto one = SignatureMaker::begin(4, 1);
  auto other = SignatureMaker::begin(4, 2);
  ASSERT_TRUE(one->add(bytes_of("text")) && one->finish() && other->add(bytes_of("text")) && other->finish());
  EXPECT_EQ(one->signature().weak, other->signature().weak);
  EXPECT_NE(one->signature().strong, other->signature().strong);
}

TEST(DeltaSignature, BlocksGrowWithTheRootOfTheSize) {
  EXPECT_EQ(delta::block_bytes_for(0), 1U << 10);
  EXPECT_EQ(delta::block_bytes_for(1 << 20), 1U << 10);
  EXPECT_EQ(delta::block_bytes_for(32 << 20), 2U << 10);
  EXPECT_EQ(delta::block_bytes_for(1 << 30), 16U << 10);
  EXPECT_EQ(delta::block_bytes_for(delta::kMaxBaseBytes), delta::kMaxBlockBytes);
}

TEST(DeltaSignature, EverySizeUpToTheLimitHasASoundShape) {
  for (std::uint64_t bytes = 1; bytes <= delta::kMaxBaseBytes; bytes *= 2) {
    for (const std::uint64_t near : {bytes - 1, bytes, bytes + 1}) {
      if (near > delta::kMaxBaseBytes) continue;
      EXPECT_TRUE(delta::is_sound({near, 0, delta::block_bytes_for(near)})) << near;
    }
  }
}

TEST(DeltaSignature, ABaseBeyondTheLimitIsRefused) {
  EXPECT_TRUE(SignatureMaker::begin(delta::kMaxBaseBytes, 1));
  const auto refused = SignatureMaker::begin(delta::kMaxBaseBytes + 1, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST(DeltaSignature, ABaseThatGrowsOrShrinksIsNoticed) {
  auto grown = SignatureMaker::begin(3, 1);
  EXPECT_TRUE(grown->add(bytes_of("abc")));
  EXPECT_EQ(grown->add(bytes_of("d")).error().code, ErrorCode::kSourceChanged);
  auto shrunk = SignatureMaker::begin(3, 1);
  EXPECT_TRUE(shrunk->add(bytes_of("ab")));
  EXPECT_EQ(shrunk->finish().error().code, ErrorCode::kSourceChanged);
}

// ---------------------------------------------------------------------------------------------------------------------
// Over the wire

std::vector<Piece> written(const Signature& signature) {
  std::vector<Piece> pieces;
  for (SignatureWriter writer(signature); !writer.done();) pieces.push_back(writer.next());
  return pieces;
}

Result<Signature> read(const std::vector<Piece>& pieces) {
  SignatureReader reader;
  for (const Piece& piece : pieces) TRY(reader.take(piece));
  return reader.finish();
}

ErrorCode refusal_of(const std::vector<Piece>& pieces) {
  const auto signature = read(pieces);
  EXPECT_FALSE(signature);
  return signature ? ErrorCode::kInternal : signature.error().code;
}

// A first piece that says what it wants.
Piece shape_piece(std::uint32_t block_bytes, std::uint64_t base_bytes, std::size_t sums = 0) {
  Piece piece;
  for (unsigned i = 0; i < 4; ++i) piece.push_back(static_cast<std::byte>(block_bytes >> (8 * i)));
  for (unsigned i = 0; i < 8; ++i) piece.push_back(static_cast<std::byte>(base_bytes >> (8 * i)));
  piece.resize(delta::kShapeBytes + sums * delta::kSumBytes);
  return piece;
}

TEST(DeltaSignaturePieces, WhatIsWrittenIsRead) {
  for (const std::size_t bytes : {0U, 1U, 511U, 512U, 513U, 100'000U}) {
    const Signature signature = signature_of(some_base(bytes), 512);
    const auto arrived = read(written(signature));
    ASSERT_TRUE(arrived) << bytes;
    EXPECT_EQ(arrived->shape.base_bytes, bytes);
    EXPECT_EQ(arrived->shape.seed, signature.shape.seed);
    EXPECT_EQ(arrived->weak, signature.weak);
    EXPECT_EQ(arrived->strong, signature.strong);
  }
}

TEST(DeltaSignaturePieces, ALongOneComesInPiecesWithinTheLimit) {
  Signature signature{{(2 * delta::kPieceSums + 1) * 512, 1, 512}, {}, {}};
  signature.weak.resize(2 * delta::kPieceSums + 1);
  signature.strong.resize(2 * delta::kPieceSums + 1, 7);
  const std::vector<Piece> pieces = written(signature);
  ASSERT_EQ(pieces.size(), 3U);
  for (const Piece& piece : pieces) EXPECT_LE(piece.size(), delta::kMaxPieceBytes);
  EXPECT_EQ(read(pieces)->strong, signature.strong);
}

TEST(DeltaSignaturePieces, MayBeSentWhileTheBaseIsRead) {
  const std::string base = some_base(2000);
  auto maker = SignatureMaker::begin({base.size(), 9, 512});
  SignatureWriter writer(maker->signature());
  SignatureReader reader;
  for (Bytes rest = bytes_of(base); !rest.empty(); rest = rest.subspan(500)) {
    ASSERT_TRUE(maker->add(rest.first(500)));
    const Piece piece = writer.next();
    ASSERT_TRUE(piece.empty() || reader.take(piece));
  }
  ASSERT_TRUE(maker->finish());
  EXPECT_FALSE(writer.done());
  ASSERT_TRUE(reader.take(writer.next()));
  EXPECT_TRUE(writer.done());
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.finish()->strong, maker->signature().strong);
}

TEST(DeltaSignaturePieces, TheLayoutIsWhatTheHeaderSays) {
  const Signature signature{{5, 0x1122'3344'5566'7788, 512}, {0x0403'0201}, {0x0c0b'0a09'0807'0605}};
  const Piece piece = SignatureWriter(signature).next();
  EXPECT_EQ(text_of(piece), std::string_view("\x00\x02\0\0"
                                             "\x05\0\0\0\0\0\0\0"
                                             "\x88\x77\x66\x55\x44\x33\x22\x11"
                                             "\x01\x02\x03\x04"
                                             "\x05\x06\x07\x08\x09\x0a\x0b\x0c",
                                             32));
}

TEST(DeltaSignaturePieces, BlockSizesBeyondTheLimitsAreRefused) {
  for (const std::uint32_t block_bytes : {0U, 1U, 511U, delta::kMaxBlockBytes + 1, 0xffff'ffffU}) {
    EXPECT_EQ(refusal_of({shape_piece(block_bytes, 0)}), ErrorCode::kProtocol) << block_bytes;
  }
  EXPECT_TRUE(read({shape_piece(512, 0)}));
  EXPECT_TRUE(read({shape_piece(delta::kMaxBlockBytes, 0)}));
}

TEST(DeltaSignaturePieces, MoreBlocksThanTheLimitAreRefused) {
  EXPECT_EQ(refusal_of({shape_piece(512, delta::kMaxBlocks * 512 + 1)}), ErrorCode::kProtocol);
  EXPECT_EQ(refusal_of({shape_piece(512, ~std::uint64_t{0})}), ErrorCode::kProtocol);
  EXPECT_EQ(refusal_of({shape_piece(delta::kMaxBlockBytes, ~std::uint64_t{0})}), ErrorCode::kProtocol);
  SignatureReader reader;
  EXPECT_TRUE(reader.take(shape_piece(512, delta::kMaxBlocks * 512)));
}

TEST(DeltaSignaturePieces, MoreOrFewerSumsThanBlocksAreRefused) {
  EXPECT_EQ(refusal_of({shape_piece(512, 1024, 3)}), ErrorCode::kProtocol);
  EXPECT_EQ(refusal_of({shape_piece(512, 1024, 2), Piece(12)}), ErrorCode::kProtocol);
  EXPECT_EQ(refusal_of({shape_piece(512, 1024, 1)}), ErrorCode::kProtocol);
  EXPECT_EQ(refusal_of({}), ErrorCode::kProtocol);
  EXPECT_FALSE(SignatureReader().take(shape_piece(512, 1024, 3)));  // at once, not at the end
  EXPECT_TRUE(read({shape_piece(512, 1024, 1), Piece(12)}));
}

TEST(DeltaSignaturePieces, EmptyAndOversizedPiecesAreRefused) {
  EXPECT_EQ(refusal_of({shape_piece(512, 1024, 1), Piece{}, Piece(12)}), ErrorCode::kProtocol);
  SignatureReader reader;
  ASSERT_TRUE(reader.take(shape_piece(512, 1 << 29)));
  constexpr std::size_t kTooMany = delta::kMaxPieceBytes / delta::kSumBytes + 1;
  EXPECT_FALSE(reader.take(Piece(kTooMany * delta::kSumBytes)));
  EXPECT_TRUE(reader.take(Piece((kTooMany - 1) * delta::kSumBytes)));
}

TEST(DeltaSignaturePieces, EveryTruncationIsRefused) {
  const Piece whole = written(signature_of(some_base(5000), 512)).front();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(refusal_of({Piece(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes))}),
              ErrorCode::kProtocol);
  }
  EXPECT_TRUE(read({whole}));
}

TEST(DeltaSignaturePieces, AnAnnouncementAloneTakesNoMemory) {
  const Piece announcement = shape_piece(512, delta::kMaxBlocks * 512);
  const test::MemoryMeter meter;
  SignatureReader reader;
  ASSERT_TRUE(reader.take(announcement));
  EXPECT_LE(meter.peak_bytes(), 4096U);
}

// ---------------------------------------------------------------------------------------------------------------------
// The index

TEST(DeltaBlockIndex, FindsEveryBlockByBothSums) {
  const Signature signature = signature_of(some_base(2000 * 512 + 5), 512);
  const delta::BlockIndex index(signature);
  for (std::uint32_t block = 0; block < 2000; ++block) {
    EXPECT_TRUE(index.holds(signature.weak[block]));
    EXPECT_EQ(index.find(signature.weak[block], signature.strong[block]), block);
    EXPECT_FALSE(index.find(signature.weak[block], signature.strong[block] + 1));
  }
}

TEST(DeltaBlockIndex, OfEqualBlocksTheFirstIsFound) {
  const Signature signature = signature_of(std::string(100 * 512, 'x'), 512);
  EXPECT_EQ(delta::BlockIndex(signature).find(signature.weak[50], signature.strong[50]), 0U);
}

TEST(DeltaBlockIndex, AShortLastBlockIsNotListed) {
  EXPECT_TRUE(delta::BlockIndex(signature_of(some_base(511), 512)).empty());
  EXPECT_FALSE(delta::BlockIndex(signature_of(some_base(512), 512)).empty());
}

TEST(DeltaBlockIndex, MemoryIsAFewBytesABlock) {
  Signature signature{{delta::kMaxBlocks * 512, 1, 512}, {}, {}};
  signature.weak.resize(delta::kMaxBlocks);
  signature.strong.resize(delta::kMaxBlocks);
  const test::MemoryMeter meter;
  const delta::BlockIndex index(signature);
  EXPECT_LE(meter.peak_bytes(), delta::kMaxBlocks * 21);
}

}  // namespace
}  // namespace farhand
