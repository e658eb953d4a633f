// Packing there and back, and parcels that nobody honest makes.
#include "protocol/transfer/packing.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "protocol/limits.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::from_hex;

// Words that come again and again, but never in a row that comes again.
std::string text_of(std::size_t size, unsigned seed = 1) {
  static constexpr std::string_view kWords[] = {"the ", "receiver ", "says ", "what ",
                                                "it ",  "needs ",    "and ",  "why\n"};
  std::string text;
  while (text.size() < size) text += kWords[(seed = seed * 1103515245 + 12345) >> 29];
  text.resize(size);
  return text;
}

std::string noise(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed;
  for (char& byte : bytes)
    byte = static_cast<char>((state = state * 6364136223846793005U + 1442695040888963407U) >> 56);
  return bytes;
}

std::string packed(Packer& packer, const std::string& content) {
  std::string parcel(Packer::room_for(content.size()), '\0');
  parcel.resize(packer.pack(bytes_of(content), std::as_writable_bytes(std::span(parcel))));
  return parcel;
}

std::string length(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// A frame of zstd's up to its first block, with a window of 2 MiB unless another is asked for.
std::string frame_header(unsigned window_log = 21) {
  return from_hex("28 b5 2f fd 00") + static_cast<char>((window_log - 10) << 3);
}

// A block: kind 0 is bytes as they are, 1 is one byte so many times.
std::string block(std::uint32_t size, const std::string& bytes, unsigned kind = 0, bool is_last = false) {
  return length(size << 3 | kind << 1 | (is_last ? 1U : 0U)).substr(0, 3) + bytes;
}

std::string raw_block(const std::string& bytes, bool is_last = false) {
  return block(static_cast<std::uint32_t>(bytes.size()), bytes, 0, is_last);
}

void expect_content(Unpacker& unpacker, const std::string& parcel, const std::string& content) {
  const auto unpacked = unpacker.unpack(bytes_of(parcel));
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_TRUE(std::string(reinterpret_cast<const char*>(unpacked->data()), unpacked->size()) == content);
}

void expect_breach(Unpacker& unpacker, const std::string& parcel, const char* story) {
  const auto unpacked = unpacker.unpack(bytes_of(parcel));
  ASSERT_FALSE(unpacked) << story;
  EXPECT_EQ(unpacked.error().code, ErrorCode::kProtocol) << story;
}

void expect_breach(const std::string& parcel, const char* story) {
  Unpacker unpacker;
  expect_breach(unpacker, parcel, story);
}

// ---------------------------------------------------------------------------------------------------------------------
// There and back

TEST(Packing, EachParcelIsItsContent) {
  Packer packer(3);
  Unpacker unpacker;
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{128} << 10,
                                 (std::size_t{128} << 10) + 1, kMaxPackedContent}) {
    for (const std::string& content : {text_of(size), noise(size), std::string(size, '\0')}) {
      expect_content(unpacker, packed(packer, content), content);
    }
  }
}

TEST(Packing, NoiseGrowsByLessThanAThousandthAndFitsIntoAFrame) {
  for (const int level : {1, 3, 6}) {
    Packer packer(level);
    for (unsigned i = 1; i < 12; ++i) {
      EXPECT_LT(packed(packer, noise(kMaxPackedContent, i)).size(), kMaxPackedContent + kMaxPackedContent / 1000);
    }
  }
  EXPECT_LE(Packer::room_for(kMaxPackedContent), kMaxPackedFrame);
}

TEST(Packing, WhatOneFileHasHeldServesTheNext) {
  Packer packer(3);
  const std::string content = noise(10'000);
  packed(packer, content);
  EXPECT_LT(packed(packer, content).size(), 100U);
}

TEST(Packing, AnotherLevelEndsAFrameAndBeginsOne) {
  Packer packer(1);
  Unpacker unpacker;
  const std::string content = noise(10'000);
  expect_content(unpacker, packed(packer, content), content);
  packer.set_level(6);
  expect_content(unpacker, packed(packer, content), content);
  EXPECT_EQ(packer.level(), 6);
  const std::string parcel = packed(packer, content);
  EXPECT_GT(parcel.size(), content.size()) << "the window is empty again";
  expect_content(unpacker, parcel, content);
}

TEST(Packing, LongStreamsTakeNoMoreMemoryThanTheirWindow) {
  Packer packer(3);
  Unpacker unpacker;
  std::string content = text_of(kMaxPackedContent);
  const test::MemoryMeter meter;
  for (unsigned i = 0; i < 40; ++i) {
    content[i] = '!';
    expect_content(unpacker, packed(packer, content), content);
  }
  EXPECT_LT(meter.peak_bytes(), std::size_t{2} << 20) << "of ours";
}

// ---------------------------------------------------------------------------------------------------------------------
// By hand, honest

TEST(Unpacker, TakesAFrameOverManyParcelsAndManyFrames) {
  Unpacker unpacker;
  expect_content(unpacker, length(2) + frame_header() + raw_block("he"), "he");
  expect_content(unpacker, length(3) + raw_block("llo"), "llo");
  expect_content(unpacker, length(1) + raw_block("!", true), "!");
  expect_content(unpacker, length(2) + frame_header(10) + raw_block("he", true), "he");
  expect_content(unpacker,
                 length(kMaxPackedContent) + frame_header() + block(128 << 10, "x", 1) + block(128 << 10, "x", 1),
                 std::string(kMaxPackedContent, 'x'));
}

// ---------------------------------------------------------------------------------------------------------------------
// By hand, hostile

TEST(Unpacker, ALengthThatIsNoneIsABreach) {
  expect_breach("", "nothing at all");
  expect_breach(length(1), "nothing behind the length");
  expect_breach(length(0) + frame_header() + raw_block(""), "no content");
  expect_breach(length(kMaxPackedContent + 1) + frame_header() + block(128 << 10, "x", 1) + block(128 << 10, "x", 1) +
                    raw_block("x"),
                "more than may be");
  expect_breach(length(UINT32_MAX) + frame_header() + raw_block("x"), "4 GiB");
}

TEST(Unpacker, MoreOrLessThanWasSaidIsABreach) {
  expect_breach(length(1) + frame_header() + raw_block("he"), "more");
  expect_breach(length(3) + frame_header() + raw_block("he"), "less");
  expect_breach(length(2) + frame_header(), "a header alone");
  expect_breach(length(2) + frame_header() + raw_block("he").substr(0, 4), "half a block");
}

TEST(Unpacker, ABombIsABreachAndTakesNoRoom) {
  std::string bomb = length(1) + frame_header();
  while (bomb.size() + 4 <= kMaxPackedFrame) bomb += block(128 << 10, "x", 1);  // 8 GiB
  Unpacker unpacker;
  const test::MemoryMeter meter;
  expect_breach(unpacker, bomb, "8 GiB");
  EXPECT_LT(meter.peak_bytes(), std::size_t{1} << 20);
}

TEST(Unpacker, AWindowAboveTheLimitIsABreach) {
  for (const unsigned window_log : {22U, 27U, 31U, 41U}) {
    expect_breach(length(1) + frame_header(window_log) + raw_block("x"), "a large window");
  }
  expect_breach(length(1) + from_hex("28 b5 2f fd e0 00 00 00 00 00 00 00 10") + raw_block("x"),
                "a frame of 2^60 bytes");
  Unpacker unpacker;
  expect_content(unpacker, length(1) + frame_header(21) + raw_block("x"), "x");
}

TEST(Unpacker, WhatStandsBehindTheEndIsABreach) {
  const std::string whole = frame_header() + raw_block("x", true);
  expect_breach(length(1) + whole + "y", "a byte");
  expect_breach(length(2) + whole + whole, "two frames in one parcel");
  expect_breach(length(1) + whole + from_hex("50 2a 4d 18 00 00 00 00"), "what is skipped");
}

// Whatever else the decoder would make of it, as one that knows older formats does.
TEST(Unpacker, WhatDoesNotBeginAsAFrameIsABreach) {
  const std::string rest = frame_header() + raw_block("x");
  for (const std::string& stream : {from_hex("50 2a 4d 18 00 00 00 00") + rest, raw_block("x"), from_hex("28 b5"),
                                    from_hex("25 b5 2f fd 00 58") + raw_block("x")}) {
    Unpacker unpacker;
    const auto unpacked = unpacker.unpack(bytes_of(length(1) + stream));
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().message, "a 'packed' frame cannot be unpacked: it does not begin as zstd does");
  }
}

TEST(Unpacker, WhatAFrameMayNotHoldIsABreach) {
  expect_breach(length(1) + from_hex("28 b5 2f fd 01 58 07") + raw_block("x"), "a dictionary");
  expect_breach(length(1) + frame_header() + block(1, "x", 3), "a kind of block that there is not");
  Unpacker unpacker;
  expect_content(unpacker, length(1) + frame_header() + raw_block("x", true), "x");
  expect_breach(unpacker, length(1) + raw_block("x"), "a block behind a frame's end");
}

TEST(Unpacker, AnotherFrameInTheMiddleOfOneIsABreach) {
  Unpacker unpacker;
  expect_content(unpacker, length(2) + frame_header() + raw_block("he"), "he");
  expect_breach(unpacker, length(2) + frame_header() + raw_block("he"), "a frame in a frame");
}

// Each is refused, or is taken for content of just the length that it says; a hash over all of it is what tells.
TEST(Unpacker, SurvivesEveryTurnedBitAndEveryTruncation) {
  Packer packer(3);
  const std::string parcel = packed(packer, text_of(500) + noise(20));
  const auto judge = [](const std::string& damaged) {
    Unpacker unpacker;
    const auto unpacked = unpacker.unpack(bytes_of(damaged));
    if (!unpacked) return;
    EXPECT_EQ(length(static_cast<std::uint32_t>(unpacked->size())), damaged.substr(0, 4));
  };
  for (std::size_t bit = 0; bit < parcel.size() * 8; ++bit) judge(test::flip_bit(parcel, bit));
  for (std::size_t count = 0; count < parcel.size(); ++count) {
    expect_breach(test::truncate_at(parcel, count), "truncated");
  }
}

}  // namespace
}  // namespace farhand
