// What the client shows: the progress line, names, text in other encodings.
#include <gtest/gtest.h>

#include <limits>

#include "client/progress.h"
#include "client/transcode.h"

namespace farhand {
namespace {

using std::chrono::duration;

ProgressFacts facts_of(std::uint64_t bytes, std::uint64_t known, double seconds, const std::string& name) {
  ProgressFacts facts;
  facts.name = name;
  facts.bytes = facts.moved = bytes;
  facts.bytes_known = known;
  facts.elapsed = duration<double>(seconds);
  return facts;
}

ProgressFacts facts_of_many() {
  ProgressFacts facts = facts_of(42'991'616, 64'277'709, 0.5, "site/img/a.png");
  facts.files = 412;
  facts.files_known = 1204;
  return facts;
}

TEST(ProgressLine, SaysEverything) {
  EXPECT_EQ(progress_line("post", facts_of(412 << 20, 3ULL << 30, 0.5, "big.iso"), 120),
            "post  412.0 MiB of 3.0 GiB  13%  824.0 MiB/s  3 s left  big.iso");
  EXPECT_EQ(progress_line("post", facts_of_many(), 120),
            "post  412 of 1204 files  41.0 of 61.3 MiB  66%  82.0 MiB/s  0 s left  site/img/a.png");
}

TEST(ProgressLine, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(progress_line("get", facts_of(1024, 0, 1, "x"), 120), "get  1.0 KiB  1.0 KiB/s  x");
  EXPECT_EQ(progress_line("get", facts_of(0, 1024, 0, "x"), 120), "get  0 B of 1.0 KiB  0%  0 B/s  x");
}

// A percentage of what grows would fall, and a time left would be a promise that nobody can keep.
TEST(ProgressLine, TotalsThatMayGrowAreMarkedAndNothingIsMadeOfThem) {
  ProgressFacts facts = facts_of_many();
  facts.all_known = false;
  EXPECT_EQ(progress_line("get", facts, 120), "get  412 of 1204+ files  41.0 of 61.3+ MiB  82.0 MiB/s  site/img/a.png");
}

TEST(ProgressLine, WhatIsSparedCountsAsDoneAndNotInTheRate) {
  ProgressFacts facts = facts_of(3 << 20, 4 << 20, 1, "x");
  facts.moved = 1 << 20;
  EXPECT_EQ(progress_line("get", facts, 120), "get  3.0 of 4.0 MiB  75%  1.0 MiB/s  1 s left  x");
}

TEST(ProgressLine, ALongNameLosesItsBeginning) {
  ProgressFacts facts = facts_of_many();
  facts.name = "a/very/long/way/down/to/the/last.png";
  const std::string line = progress_line("post", facts, 90);
  EXPECT_EQ(line.size(), 89u);
  EXPECT_TRUE(line.ends_with("  .../to/the/last.png")) << line;
  EXPECT_TRUE(progress_line("post", facts, 78).ends_with("left  ")) << "no room for what would tell anything";
}

TEST(ProgressLine, NeverExceedsAHundredPercent) {
  const std::string line = progress_line("get", facts_of(2000, 1000, 1, "x"), 120);
  EXPECT_NE(line.find("100%"), std::string::npos) << line;
  EXPECT_EQ(line.find("left"), std::string::npos) << line;
}

TEST(ProgressLine, LongTimesHaveLargerUnits) {
  const auto left = [](std::uint64_t seconds) {
    return progress_line("get", facts_of(1, seconds + 1, 1, "x"), 200);
  };
  EXPECT_NE(left(59).find("59 s left"), std::string::npos);
  EXPECT_NE(left(61).find("1 min 1 s left"), std::string::npos);
  EXPECT_NE(left(3660).find("1 h 1 min left"), std::string::npos);
}

// Found: the seconds are converted to an integer that does not hold them. A server may offer 2^63-1 bytes and send one.
TEST(ProgressLine, AnAbsurdTimeLeftIsNotShownAsNothing) {
  const std::string line = progress_line("get", facts_of(1, std::numeric_limits<std::int64_t>::max(), 100, "x"), 200);
  EXPECT_EQ(line.find("  0 s left"), std::string::npos) << line;
}

std::size_t characters(const std::string& line) {
  std::size_t count = 0;
  for (const char c : line) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

bool holds_part_of_a_character(const std::string& line, const std::string& character) {
  std::string rest = line;
  for (std::size_t at; (at = rest.find(character)) != std::string::npos;) rest.erase(at, character.size());
  return rest.find_first_of(character) != std::string::npos;
}

TEST(ProgressLine, IsCutBeforeTheLastColumnAndBetweenCharacters) {
  const std::string umlaut = "\xc3\xbc";
  std::string name;
  for (int i = 0; i < 200; ++i) name += umlaut;
  for (std::size_t columns = 0; columns < 150; ++columns) {
    const std::string line = progress_line("get", facts_of(1, 2, 1, name), columns);
    EXPECT_LE(characters(line), columns > 0 ? columns - 1 : 0) << columns;
    EXPECT_FALSE(holds_part_of_a_character(line, umlaut)) << columns;
  }
}

// Found: characters are counted, and a Chinese one takes two columns; the line then wraps and is painted over in part.
TEST(ProgressLine, WideCharactersCountTwice) {
  const std::string before = progress_line("get", facts_of(1, 2, 1, ""), 200);
  const std::string wide = "\xe6\xbc\xa2";
  std::string name;
  for (int i = 0; i < 100; ++i) name += wide;
  const std::string line = progress_line("get", facts_of(1, 2, 1, name), 80);
  const std::size_t dots = 3;
  const std::size_t columns = before.size() + dots + 2 * (characters(line) - before.size() - dots);
  EXPECT_LE(columns, 79u);
  EXPECT_GE(columns, 78u);
}

TEST(ProgressLine, NamesCannotActOnTheTerminal) {
  const std::string line = progress_line("get", facts_of(1, 2, 1, "a\x1b[2J\nb\r"), 200);
  for (const char* bad : {"\x1b", "\n", "\r"}) EXPECT_EQ(line.find(bad), std::string::npos);
}

TEST(Progress, AJobsNewsAddUp) {
  Progress progress("post", 0, false);
  progress.list(3, 100);
  EXPECT_FALSE(progress.facts().all_known);
  progress.all_listed();
  progress.spare(40);
  progress.pass_file();
  progress.move(10);
  const ProgressFacts facts = progress.facts();
  EXPECT_EQ(facts.files, 1u);
  EXPECT_EQ(facts.files_known, 3u);
  EXPECT_EQ(facts.bytes, 50u);
  EXPECT_EQ(facts.bytes_known, 100u);
  EXPECT_EQ(facts.moved, 10u);
  EXPECT_TRUE(facts.all_known);
}

TEST(Progress, OneFileAfterTheOtherAddsUpToo) {
  Progress progress("verify", 0, false);
  for (const std::uint64_t size : {10u, 7u}) {
    progress.begin_file("x");
    progress.at(size / 2);
    progress.at(size);
    progress.end_file();
  }
  EXPECT_EQ(progress.facts().bytes, 17u);
  EXPECT_EQ(progress.facts().moved, 17u);
}

TEST(ShownTime, HasTenthsWhereTheyTellSomething) {
  EXPECT_EQ(shown_time(duration<double>(0.74)), "0.7 s");
  EXPECT_EQ(shown_time(duration<double>(9.96)), "10 s");
  EXPECT_EQ(shown_time(duration<double>(125)), "2 min 5 s");
}

// ---------------------------------------------------------------------------------------------------------------------
// Transcoder

Transcoder transcoder(const std::string& encoding) {
  auto made = Transcoder::from(encoding);
  if (!made) throw std::runtime_error(made.error().message);
  return *std::move(made);
}

const std::string kGbk = "\xc4\xe3\xba\xc3 ok \xd6\xd0";  // 你好 ok 中
const std::string kUtf8 = "\xe4\xbd\xa0\xe5\xa5\xbd ok \xe4\xb8\xad";
const std::string kReplacement = "\xEF\xBF\xBD";

TEST(TranscoderTest, UnknownEncodingsAreUsageErrors) {
  for (const char* name : {"", "no-such-encoding", "\x1b[31m"}) {
    const auto made = Transcoder::from(name);
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, ErrorCode::kUsage);
    EXPECT_EQ(made.error().message.find('\x1b'), std::string::npos);
  }
}

TEST(TranscoderTest, CharactersSplitAcrossCallsArriveWhole) {
  for (std::size_t split = 0; split <= kGbk.size(); ++split) {
    Transcoder gbk = transcoder("GBK");
    std::string text = gbk.convert(bytes_of(kGbk.substr(0, split)));
    text += gbk.convert(bytes_of(kGbk.substr(split)));
    text += gbk.finish();
    EXPECT_EQ(text, kUtf8) << "split at " << split;
  }
  Transcoder bytewise = transcoder("GBK");
  std::string text;
  for (const char& c : kGbk) text += bytewise.convert(bytes_of({&c, 1}));
  EXPECT_EQ(text + bytewise.finish(), kUtf8);
}

TEST(TranscoderTest, LongTextsSurviveEveryBufferBoundary) {
  std::string gbk_text;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    gbk_text += i % 3 == 0 ? "x" : "\xc4\xe3";
    expected += i % 3 == 0 ? "x" : "\xe4\xbd\xa0";
  }
  Transcoder gbk = transcoder("GBK");
  EXPECT_EQ(gbk.convert(bytes_of(gbk_text)) + gbk.finish(), expected);
}

TEST(TranscoderTest, BytesThatAreNoCharacterAreReplacedOneByOne) {
  Transcoder gbk = transcoder("GBK");
  EXPECT_EQ(gbk.convert(bytes_of("a\xff\xff"
                                 "b")),
            "a" + kReplacement + kReplacement + "b");
  Transcoder utf8 = transcoder("UTF-8");
  EXPECT_EQ(utf8.convert(bytes_of("a\x80"
                                  "b")) +
                utf8.finish(),
            "a" + kReplacement + "b");
}

TEST(TranscoderTest, WhatIsIncompleteAtTheEndIsReplaced) {
  Transcoder gbk = transcoder("GBK");
  EXPECT_EQ(gbk.convert(bytes_of("a\xc4")), "a");
  EXPECT_EQ(gbk.finish(), kReplacement);
  EXPECT_EQ(gbk.finish(), "");
}

TEST(TranscoderTest, NothingIsNothing) {
  Transcoder gbk = transcoder("GBK");
  EXPECT_EQ(gbk.convert({}), "");
  EXPECT_EQ(gbk.finish(), "");
}

TEST(TranscoderTest, AMoveTakesTheIncompleteCharacterAlong) {
  Transcoder first = transcoder("GBK");
  EXPECT_EQ(first.convert(bytes_of("\xc4")), "");
  Transcoder second = std::move(first);
  EXPECT_EQ(second.convert(bytes_of("\xe3")), "\xe4\xbd\xa0");
}

}  // namespace
}  // namespace farhand
