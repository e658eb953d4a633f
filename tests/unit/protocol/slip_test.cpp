// The slip: what is written is read back, and nothing else is read.
#include "protocol/slip.h"

#include <gtest/gtest.h>

#include <array>

#include "protocol/limits.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::flip_bit;
using test::truncate_at;

std::vector<FrameKind> all_kinds() {
  std::vector<FrameKind> kinds;
  for (std::size_t i = 0; i < kFrameKinds; ++i) kinds.push_back(static_cast<FrameKind>(i));
  return kinds;
}

std::string slip_text(FrameKind kind, std::uint64_t size, std::string_view name) {
  std::string text;
  append_slip(text, kind, size, name);
  return text;
}

Result<std::optional<ParsedSlip>> parse(const std::string& text) {
  return parse_slip(bytes_of(text));
}

// Where the text is refused: the length of the shortest beginning that fails; nothing if none does.
std::optional<std::size_t> refused_at(const std::string& text) {
  for (std::size_t count = 0; count <= text.size(); ++count) {
    if (!parse(truncate_at(text, count))) return count;
  }
  return std::nullopt;
}

std::string refusal(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? "(not refused)" : parsed.error().message;
}

bool is_accepted(const std::string& text) {
  const auto parsed = parse(text);
  return parsed && *parsed;
}

const std::vector<std::string>& name_shapes() {
  static const std::vector<std::string> shapes{"",
                                               "a",
                                               "a/b c.txt",
                                               "|",
                                               "a|b|c",
                                               "%",
                                               "%%25",
                                               "\n",
                                               "\r\n",
                                               " leading",
                                               "trailing ",
                                               "-x",
                                               "\x01\x7f\xff",
                                               "\xe6\xbc\xa2\xe5\xad\x97",
                                               std::string(kMaxFrameNameBytes, 'n'),
                                               std::string(kMaxFrameNameBytes, '%')};
  return shapes;
}

TEST(Slip, EveryKindAndNameIsReadAsItWasWritten) {
  for (const FrameKind kind : all_kinds()) {
    for (const std::string& name : name_shapes()) {
      const std::string text = slip_text(kind, 42, name);
      ASSERT_LE(text.size(), kMaxSlipBytes);
      const auto parsed = parse(text + "the parcel, which is\nno business of the slip's");
      ASSERT_TRUE(parsed && *parsed) << text;
      EXPECT_EQ((*parsed)->header.kind, kind);
      EXPECT_EQ((*parsed)->header.size, 42u);
      EXPECT_EQ((*parsed)->header.name, name);
      EXPECT_EQ((*parsed)->bytes, text.size());
    }
  }
}

TEST(Slip, EveryTruncationNeedsMore) {
  for (const FrameKind kind : all_kinds()) {
    for (const std::string& name : {std::string(), std::string("a%b|\n\rc"), std::string(300, '\n')}) {
      const std::string text = slip_text(kind, 9223372036854775807U, name);
      for (std::size_t count = 0; count < text.size(); ++count) {
        const auto parsed = parse(truncate_at(text, count));
        ASSERT_TRUE(parsed) << text << " cut at " << count << ": " << parsed.error().message;
        ASSERT_FALSE(*parsed) << text << " cut at " << count;
      }
    }
  }
}

TEST(Slip, AnAcceptedSlipHasOneSpellingOnlyWhateverBitIsFlipped) {
  for (const std::string& golden :
       {slip_text(FrameKind::kHello, 39, ""), slip_text(FrameKind::kData, 1048576, "262144"),
        slip_text(FrameKind::kPost, 6, "a%b\n\rc|d"), slip_text(FrameKind::kStdin, 0, "")}) {
    for (std::size_t bit = 0; bit < golden.size() * 8; ++bit) {
      const std::string flipped = flip_bit(golden, bit);
      const auto parsed = parse(flipped);
      if (!parsed || !*parsed) continue;
      const FrameHeader& header = (*parsed)->header;
      EXPECT_EQ(slip_text(header.kind, header.size, header.name), truncate_at(flipped, (*parsed)->bytes)) << bit;
    }
  }
}

TEST(Slip, SizesUpToTwoToThe63LessOneAreAccepted) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                                   std::uint64_t{9223372036854775807U}}) {
    const auto parsed = parse("data|" + std::to_string(size) + "|0\n");
    ASSERT_TRUE(parsed && *parsed) << size;
    EXPECT_EQ((*parsed)->header.size, size);
  }
}

TEST(Slip, SizesThatAreNoPlainNumberInRangeAreRefused) {
  for (const char* size :
       {"9223372036854775808", "18446744073709551615", "18446744073709551616", "9999999999999999999",
        "10000000000000000000", "00", "01", "007", "+1", "-1", " 1", "1 ", "", "0x1", "1.0", "1e3", "\xd9\xa1"}) {
    EXPECT_FALSE(parse(std::string("data|") + size + "|0\n")) << size;
  }
}

TEST(Slip, SizesAreRefusedAtTheirFirstWrongByte) {
  EXPECT_EQ(refused_at("data|01|0\n"), 7u);
  EXPECT_EQ(refused_at("data|-1|0\n"), 6u);
  EXPECT_EQ(refused_at("data|12a|0\n"), 8u);
  EXPECT_EQ(refused_at("data||0\n"), 6u);
  EXPECT_EQ(refused_at("data|12345678901234567890|0\n"), 25u);
}

TEST(Slip, NumbersOfNamesFollowTheRulesOfSizes) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("9223372036854775807"), 9223372036854775807U);
  for (const char* text :
       {"", "00", "01", "-0", "+1", " 1", "1 ", "1\n", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(Slip, KindsThatBreakTheRuleAreRefusedBeforeTheirBar) {
  EXPECT_EQ(refused_at("|0|\n"), 1u);
  EXPECT_EQ(refused_at("1a|0|\n"), 1u);
  EXPECT_EQ(refused_at("-a|0|\n"), 1u);
  EXPECT_EQ(refused_at("Hello|0|\n"), 1u);
  EXPECT_EQ(refused_at("heLlo|0|\n"), 3u);
  EXPECT_EQ(refused_at("he_lo|0|\n"), 3u);
  EXPECT_EQ(refused_at("hello |0|\n"), 6u);
  EXPECT_EQ(refused_at("hello\n"), 6u);
  EXPECT_EQ(refused_at("abcdefghijklmnopq|0|\n"), 17u);
}

TEST(Slip, WellFormedKindsThatDoNotExistAreRefusedByName) {
  for (const char* kind : {"a", "hell", "helloo", "a-1", "sync", "abcdefghijklmnop", "std-in"}) {
    const std::string text = std::string(kind) + "|0|\n";
    EXPECT_NE(refusal(text).find("'" + std::string(kind) + "' is not known"), std::string::npos) << refusal(text);
    EXPECT_EQ(refused_at(text), std::string(kind).size() + 1) << kind;
  }
}

TEST(Slip, EscapesOtherThanTheThreeAreRefused) {
  for (const char* name : {"%0a", "%0d", "%41", "%2F", "%00", "%", "%2", "a%0", "%%", "%250%0", "%2 5"}) {
    EXPECT_FALSE(parse(std::string("get|0|") + name + "\n")) << name;
  }
  const auto parsed = parse("get|0|%25%0A%0D%250A\n");
  ASSERT_TRUE(parsed && *parsed);
  EXPECT_EQ((*parsed)->header.name, "%\n\r%0A");
}

TEST(Slip, ZeroBytesAndBareCarriageReturnsInNamesAreRefused) {
  EXPECT_FALSE(parse(std::string("get|0|a\0b\n", 10)));
  EXPECT_FALSE(parse("get|0|a\r\n"));  // a line that ends as Windows has it
  EXPECT_FALSE(parse("get|0|a\rb\n"));
}

TEST(Slip, NamesAreMeasuredAfterDecoding) {
  EXPECT_TRUE(is_accepted("get|0|" + std::string(kMaxFrameNameBytes, 'x') + "\n"));
  EXPECT_FALSE(parse("get|0|" + std::string(kMaxFrameNameBytes + 1, 'x') + "\n"));
  std::string escaped;
  for (std::size_t i = 0; i < kMaxFrameNameBytes; ++i) escaped += "%25";
  EXPECT_TRUE(is_accepted("get|0|" + escaped + "\n"));
  EXPECT_FALSE(parse("get|0|" + escaped + "x\n"));
}

TEST(Slip, TheLongestSlipThereCanBeIsAccepted) {
  std::string escaped;
  for (std::size_t i = 0; i < kMaxFrameNameBytes; ++i) escaped += "%0A";
  EXPECT_TRUE(is_accepted("stdout|9223372036854775807|" + escaped + "\n"));
}

TEST(Slip, ASlipThatNeverEndsIsRefusedAtItsGreatestLength) {
  const std::string text = "get|0|" + std::string(2 * kMaxSlipBytes, 'x');
  EXPECT_TRUE(parse(truncate_at(text, kMaxSlipBytes - 1)));
  EXPECT_FALSE(parse(truncate_at(text, kMaxSlipBytes)));
  EXPECT_FALSE(parse(text));
  EXPECT_LE(kMaxSlipBytes, std::size_t{12700});  // 12.4 KiB
}

TEST(Slip, GreetingsOfOtherProtocolsAreRefusedAtTheirFirstByteAndNamed) {
  struct Greeting {
    std::string text;
    const char* hint;
  };
  const std::array greetings{
      Greeting{"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh"},
      Greeting{"GET / HTTP/1.1\r\nHost: x\r\n", "HTTP"},
      Greeting{"POST /x HTTP/1.1\r\n", "HTTP"},
      Greeting{"HEAD / HTTP/1.0\r\n", "HTTP"},
      Greeting{"HTTP/1.1 400 Bad Request\r\n", "HTTP"},
      Greeting{std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "TLS"},
      Greeting{std::string("\x15\x03\x03\x00\x02\x02\x28", 7), "TLS"},
  };
  for (const Greeting& greeting : greetings) {
    EXPECT_EQ(refused_at(greeting.text), 1u) << greeting.text;
    EXPECT_NE(refusal(greeting.text).find(greeting.hint), std::string::npos) << refusal(greeting.text);
  }
}

TEST(Slip, ARefusalShowsForeignBytesEscapedAndShort) {
  const std::string message = refusal("\x1b[2J\x1b]0;owned\x07" + std::string(5000, 'A'));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\x07'), std::string::npos);
  EXPECT_LT(message.size(), 300u);
}

TEST(SlipDeathTest, WritingANameThatNoReaderTakesIsOurOwnBug) {
  EXPECT_DEATH((slip_text(FrameKind::kGet, 0, std::string_view("a\0b", 3))), "");
  EXPECT_DEATH((slip_text(FrameKind::kGet, 0, std::string(kMaxFrameNameBytes + 1, 'x'))), "");
}

}  // namespace
}  // namespace farhand
