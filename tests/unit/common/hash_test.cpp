// ContentHash: known values, and independence of how the stream was cut.
#include "common/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace farhand {
namespace {

std::string hash_of(std::string_view text) {
  ContentHash hash;
  hash.add(bytes_of(text));
  return hash_text(hash.value());
}

// As `xxhsum -H2` prints them: a wrong seed, variant or byte order changes all of them.
TEST(ContentHash, KnownValues) {
  EXPECT_EQ(hash_of(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_of("a"), "a96faf705af16834e6c632b61e964e1f");
  EXPECT_EQ(hash_of("abc"), "06b05ab6733a618578af5f94892f3950");
}

TEST(ContentHash, NothingAddedIsTheEmptyStream) {
  EXPECT_EQ(hash_text(ContentHash().value()), "99aa06d3014798d86001c324468d497f");
}

TEST(ContentHash, HowTheStreamIsCutDoesNotMatter) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 7 % 251);
  const std::string whole = hash_of(text);
  for (const std::size_t piece : {1u, 63u, 64u, 255u, 256u, 257u, 1024u}) {
    ContentHash hash;
    for (std::size_t at = 0; at < text.size(); at += piece)
      hash.add(bytes_of(std::string_view(text).substr(at, piece)));
    EXPECT_EQ(hash_text(hash.value()), whole) << "in pieces of " << piece;
  }
}

TEST(ContentHash, ValueCanBeTakenOnTheWay) {
  ContentHash hash;
  hash.add(bytes_of("a"));
  EXPECT_EQ(hash_text(hash.value()), hash_of("a"));
  hash.add(bytes_of("bc"));
  EXPECT_EQ(hash_text(hash.value()), hash_of("abc"));
}

TEST(ContentHash, OneFlippedBitIsSeen) {
  const std::string text(300, 'x');
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(hash_of(flipped), hash_of(text)) << "bit " << bit;
  }
}

TEST(ContentHash, MovedHashGoesOn) {
  ContentHash first;
  first.add(bytes_of("ab"));
  ContentHash second = std::move(first);
  second.add(bytes_of("c"));
  EXPECT_EQ(hash_text(second.value()), hash_of("abc"));
}

TEST(HashText, ShowsEveryNibble) {
  HashValue value{};
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<std::uint8_t>(i * 0x11);
  EXPECT_EQ(hash_text(value), "00112233445566778899aabbccddeeff");
}

}  // namespace
}  // namespace farhand
