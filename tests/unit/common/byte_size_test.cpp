// Amounts of bytes: what is read, and what is shown.
#include "common/byte_size.h"

#include <gtest/gtest.h>

#include <limits>

namespace farhand {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(ByteSize, EachUnitIsRead) {
  EXPECT_EQ(parse_byte_size("1000000"), 1000000U);
  EXPECT_EQ(parse_byte_size("0"), 0U);
  EXPECT_EQ(parse_byte_size("7B"), 7U);
  EXPECT_EQ(parse_byte_size("512k"), 512U << 10);
  EXPECT_EQ(parse_byte_size("10M"), 10U << 20);
  EXPECT_EQ(parse_byte_size("10m"), 10U << 20);
  EXPECT_EQ(parse_byte_size("2MiB"), 2U << 20);
  EXPECT_EQ(parse_byte_size("2MB"), 2000000U);
  EXPECT_EQ(parse_byte_size("3G"), 3ULL << 30);
  EXPECT_EQ(parse_byte_size("4TiB"), 4ULL << 40);
  EXPECT_EQ(parse_byte_size("5P"), 5ULL << 50);
  EXPECT_EQ(parse_byte_size("15E"), 15ULL << 60);
  EXPECT_EQ(parse_byte_size("18EB"), 18'000'000'000'000'000'000U);
}

TEST(ByteSize, FractionsAreExactAndRoundedDown) {
  EXPECT_EQ(parse_byte_size("1.5G"), 3ULL << 29);
  EXPECT_EQ(parse_byte_size("0.5k"), 512U);
  EXPECT_EQ(parse_byte_size("1.3K"), 1331U);  // 1331.2
  EXPECT_EQ(parse_byte_size("0.999999999999999999999999999999K"), 1023U);
  EXPECT_EQ(parse_byte_size("1.0009765625K"), 1025U);
  EXPECT_EQ(parse_byte_size("0.29KB"), 290U);  // which is 289.99... to a double
  EXPECT_EQ(parse_byte_size("9.9"), 9U);
  EXPECT_EQ(parse_byte_size("15.9999999999999999999999999999E"), kMost);
  EXPECT_EQ(parse_byte_size("0.9999999999999999999999999999E"), (1ULL << 60) - 1);
}

TEST(ByteSize, WhatIsNoSizeIsNone) {
  for (const char* text :
       {"",     "k",    "B",    ".5k", "1.k", "1.",   "-1",  "+1",   " 1",     "1 ",    "1 k", "1kb",
        "1Kib", "1KIB", "1KBs", "1kk", "1X",  "0x10", "1e3", "1,5k", "1.5.5k", "1KiBB", "inf", "\xEF\xBC\x91"}) {
    EXPECT_FALSE(parse_byte_size(text)) << text;
  }
}

TEST(ByteSize, MoreThanTheMostIsNone) {
  EXPECT_EQ(parse_byte_size("18446744073709551615"), kMost);
  EXPECT_FALSE(parse_byte_size("18446744073709551616"));
  EXPECT_FALSE(parse_byte_size("16E"));
  EXPECT_FALSE(parse_byte_size("99999999999999999999999E"));
  EXPECT_EQ(parse_byte_size("1k", 1024), 1024U);
  EXPECT_FALSE(parse_byte_size("1.001k", 1024));
  EXPECT_FALSE(parse_byte_size("1025", 1024));
}

TEST(ShownBytes, UsesBinaryUnits) {
  EXPECT_EQ(shown_bytes(0), "0 B");
  EXPECT_EQ(shown_bytes(1023), "1023 B");
  EXPECT_EQ(shown_bytes(1024), "1.0 KiB");
  EXPECT_EQ(shown_bytes(1536), "1.5 KiB");
  EXPECT_EQ(shown_bytes(1048576), "1.0 MiB");
  EXPECT_EQ(shown_bytes(3.0 * (1 << 30)), "3.0 GiB");
  EXPECT_EQ(shown_bytes(9.3e18), "8.1 EiB");
  EXPECT_EQ(shown_bytes(1.2e22), "10408.3 EiB");
}

// Found: what rounds up to 1024 of a unit is shown as that and not as 1.0 of the next.
TEST(ShownBytes, NeverShows1024OfAUnit) {
  EXPECT_EQ(shown_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(shown_bytes(1023.7), "1.0 KiB");
}

}  // namespace
}  // namespace farhand
