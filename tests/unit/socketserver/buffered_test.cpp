// BufferedReader and BufferedWriter over sources and sinks that cut and glue as they like.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "server/socketserver/buffered_reader.h"
#include "server/socketserver/buffered_writer.h"

namespace socketserver {
namespace {

// Gives `text` in pieces of at most `piece` bytes, then ends; counts how often it was asked.
struct Pieces {
  std::string text;
  std::size_t piece;
  std::size_t at = 0;
  int asked = 0;

  std::size_t operator()(farhand::MutableBytes into) {
    ++asked;
    const std::size_t count = std::min({piece, into.size(), text.size() - at});
    std::memcpy(into.data(), text.data() + at, count);
    at += count;
    return count;
  }
};

TEST(BufferedReader, LinesAreTheSameHoweverTheyWereCut) {
  const std::string text = "one\n\ntwo words\r\nlast without an end";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    for (const std::size_t buffer : {1, 3, 8192}) {
      BufferedReader reader(Pieces{text, piece}, buffer);
      EXPECT_EQ(reader.readline(), "one\n");
      EXPECT_EQ(reader.readline(), "\n");
      EXPECT_EQ(reader.readline(), "two words\r\n");
      EXPECT_EQ(reader.readline(), "last without an end");
      EXPECT_EQ(reader.readline(), "");
    }
  }
}

TEST(BufferedReader, ALineOverTheLimitComesInParts) {
  BufferedReader reader(Pieces{"abcdefg\nh\n", 4});
  EXPECT_EQ(reader.readline(3), "abc");
  EXPECT_EQ(reader.readline(3), "def");
  EXPECT_EQ(reader.readline(3), "g\n");
  EXPECT_EQ(reader.readline(2), "h\n");
}

TEST(BufferedReader, ReadingByCountIsExactAndShortOnlyAtTheEnd) {
  BufferedReader reader(Pieces{"0123456789", 3}, 4);
  EXPECT_EQ(reader.read(7), "0123456");
  EXPECT_EQ(reader.read(7), "789");
  EXPECT_EQ(reader.read(7), "");
}

TEST(BufferedReader, AnAnnouncedCountIsNotAllocatedBeforeItArrives) {
  BufferedReader reader(Pieces{"few", 3});
  EXPECT_EQ(reader.read(std::size_t{1} << 60), "few");
}

TEST(BufferedReader, WhatIsBufferedIsAnsweredWithoutAskingTheSource) {
  auto source = Pieces{"a\nb\n", 4};
  BufferedReader reader([&](farhand::MutableBytes into) { return source(into); });
  EXPECT_EQ(reader.readline(), "a\n");
  EXPECT_EQ(reader.readline(), "b\n");
  EXPECT_EQ(source.asked, 1);
}

TEST(BufferedReader, ReadSomeGivesWhatThereIs) {
  BufferedReader reader(Pieces{"abcdef", 4}, 8);
  std::vector<std::byte> into(6);
  EXPECT_EQ(reader.read_some(into), 4U);
  EXPECT_EQ(reader.read_some({}), 0U);
  EXPECT_EQ(reader.read_some(into), 2U);
  EXPECT_EQ(reader.read_some(into), 0U);
}

TEST(BufferedReader, FillGrowsToTheLimitAndNoFurther) {
  BufferedReader reader(Pieces{std::string(100, 'x'), 7}, 4);
  while (reader.fill(50)) {
  }
  EXPECT_EQ(reader.buffered().size(), 50U);
  reader.consume(20);
  EXPECT_TRUE(reader.fill(50));
  EXPECT_EQ(farhand::text_of(reader.buffered()), std::string(37, 'x'));
  EXPECT_EQ(reader.read(1000).size(), 80U);
}

TEST(BufferedReader, FillTellsTheEnd) {
  BufferedReader reader(Pieces{"ab", 2});
  EXPECT_TRUE(reader.fill(10));
  EXPECT_FALSE(reader.fill(10));
  EXPECT_EQ(farhand::text_of(reader.buffered()), "ab");
}

struct Noted {
  std::vector<std::string>& writes;
  void operator()(farhand::Bytes bytes) const { writes.emplace_back(farhand::text_of(bytes)); }
};

TEST(BufferedWriter, WithoutABufferEachWriteGoesOutAtOnce) {
  std::vector<std::string> writes;
  BufferedWriter writer(Noted{writes});
  writer.write("a");
  writer.write("");
  writer.write("bc");
  EXPECT_EQ(writes, (std::vector<std::string>{"a", "bc"}));
}

TEST(BufferedWriter, CollectsUpToItsSizeInOrder) {
  std::vector<std::string> writes;
  BufferedWriter writer(Noted{writes}, 4);
  writer.write("ab");
  writer.write("cd");
  EXPECT_TRUE(writes.empty());
  writer.write("e");
  writer.write("a large one");
  writer.write("f");
  writer.flush();
  writer.flush();
  EXPECT_EQ(writes, (std::vector<std::string>{"abcd", "e", "a large one", "f"}));
}

}  // namespace
}  // namespace socketserver
