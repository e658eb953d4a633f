// escape_for_display: nothing that can act on a terminal comes out, and what can be read stays as it is.
#include "common/escape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace farhand {
namespace {

std::string utf8(char32_t value) {
  const auto tail = [value](int shift) {
    return static_cast<char>(0x80 | ((value >> shift) & 0x3F));
  };
  if (value < 0x80) return {static_cast<char>(value)};
  if (value < 0x800) return {static_cast<char>(0xC0 | (value >> 6)), tail(0)};
  if (value < 0x10000) return {static_cast<char>(0xE0 | (value >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (value >> 18)), tail(12), tail(6), tail(0)};
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    char part[5];
    std::snprintf(part, sizeof part, "\\x%02x", static_cast<unsigned char>(byte));
    text += part;
  }
  return text;
}

bool between(char32_t value, char32_t first, char32_t last) {
  return value >= first && value <= last;
}

// The header's list, written down a second time.
bool must_be_hidden(char32_t value) {
  return value < 0x20 || between(value, 0x7F, 0x9F) || between(value, 0xD800, 0xDFFF) || value == 0xAD ||
         value == 0x061C || value == 0x180E || between(value, 0x200B, 0x200F) || between(value, 0x2028, 0x202E) ||
         between(value, 0x2060, 0x2064) || between(value, 0x2066, 0x2069) || value == 0xFEFF ||
         between(value, 0xE0000, 0xE007F);
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

TEST(Escape, PlainTextStaysAsItIs) {
  EXPECT_EQ(escape_for_display("notes 2024 (final).txt ~!@#$%^&*'\"`"), "notes 2024 (final).txt ~!@#$%^&*'\"`");
  EXPECT_EQ(escape_for_display("Grüße, 世界, 🎉"), "Grüße, 世界, 🎉");
  EXPECT_EQ(escape_for_display(""), "");
}

TEST(Escape, UsualControlsHaveNames) {
  EXPECT_EQ(escape_for_display("a\nb\tc\rd\\e"), "a\\nb\\tc\\rd\\\\e");
}

TEST(Escape, TerminalSequenceLosesItsEffect) {
  EXPECT_EQ(escape_for_display("\x1b[2Jgone\x07"), "\\x1b[2Jgone\\x07");
  EXPECT_EQ(escape_for_display(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Escape, BackslashIsDoubledSoThatNoTextLooksEscaped) {
  EXPECT_EQ(escape_for_display("\\x1b"), "\\\\x1b");
  EXPECT_NE(escape_for_display("\\n"), escape_for_display("\n"));
}

TEST(Escape, EverySingleByte) {
  for (int value = 0; value < 256; ++value) {
    const std::string text(1, static_cast<char>(value));
    const std::string shown = escape_for_display(text);
    EXPECT_FALSE(has_control_byte(shown)) << value;
    if (value >= 0x80) {
      EXPECT_EQ(shown, hexadecimal(text));
    }
    if (value >= 0x20 && value < 0x7F && value != '\\') {
      EXPECT_EQ(shown, text);
    }
  }
}

TEST(Escape, EveryPairOfBytesGivesNoControlByteAndNoBareHighByteOutsideUtf8) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string shown = escape_for_display(text);
      ASSERT_FALSE(has_control_byte(shown)) << first << " " << second;
      const bool valid = first >= 0xC2 && first <= 0xDF && second >= 0x80 && second <= 0xBF;
      // U+0080..U+009F are controls, U+00AD and U+061C hide.
      const bool hidden = (first == 0xC2 && (second <= 0x9F || second == 0xAD)) || (first == 0xD8 && second == 0x9C);
      const bool visible = valid && !hidden;
      ASSERT_EQ(std::any_of(shown.begin(), shown.end(), [](char c) { return c < 0; }), visible)
          << first << " " << second;
    }
  }
}

TEST(Escape, EveryCodePointIsShownOrWrittenAsItsBytes) {
  for (char32_t value = 0x80; value <= 0x10FFFF; ++value) {
    const std::string text = utf8(value);
    const std::string expected = must_be_hidden(value) ? hexadecimal(text) : text;
    ASSERT_EQ(escape_for_display(text), expected) << std::hex << static_cast<unsigned>(value);
  }
}

TEST(Escape, InvalidSequencesAreWrittenByteByByte) {
  for (const std::string_view text :
       {"\xC0\xAF", "\xC1\x81", "\xE0\x80\xAF", "\xE0\x9F\xBF", "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF\xFE", "\x80", "\xE2\x82",
        "\xF0\x9F\x8E"}) {
    EXPECT_EQ(escape_for_display(text), hexadecimal(text));
  }
}

TEST(Escape, ABrokenSequenceDoesNotSwallowWhatFollows) {
  EXPECT_EQ(escape_for_display("\xE2\x82x"), "\\xe2\\x82x");
  EXPECT_EQ(escape_for_display("\xE2\xC3\xBC"), "\\xe2ü");
  EXPECT_EQ(escape_for_display("\xE2\x1b["), "\\xe2\\x1b[");
}

TEST(Escape, TextOfExactlyTheLimitIsWhole) {
  EXPECT_EQ(escape_for_display("12345", 5), "12345");
  EXPECT_EQ(escape_for_display("123456", 5), "12345...");
  EXPECT_EQ(escape_for_display("x", 0), "...");
  EXPECT_EQ(escape_for_display("", 0), "");
}

TEST(Escape, LimitNeverCutsWithinACodePoint) {
  EXPECT_EQ(escape_for_display("ab世界", 3), "ab...");
  EXPECT_EQ(escape_for_display("ab世界", 4), "ab...");
  EXPECT_EQ(escape_for_display("ab世界", 5), "ab世...");
  EXPECT_EQ(escape_for_display("ab世界", 8), "ab世界");
}

TEST(Escape, UsualLimitHolds) {
  const std::string shown = escape_for_display(std::string(1'000'000, '\x01'));
  EXPECT_EQ(shown.size(), 4 * kDisplayBytes + 3);
  EXPECT_TRUE(shown.ends_with("..."));
}

TEST(Escape, SentenceKeepsItsBackslashesAndNothingElseThatActs) {
  EXPECT_EQ(sentence_for_display("'a\\x1b' is not there"), "'a\\x1b' is not there") << "escaped once, shown once";
  for (int value = 0; value < 256; ++value) {
    const std::string text(1, static_cast<char>(value));
    const std::string expected = value == '\\' ? text : escape_for_display(text);
    EXPECT_EQ(sentence_for_display(text), expected) << value;
  }
  EXPECT_EQ(sentence_for_display("123456", 5), "12345...");
}

TEST(Escape, QuotedStandsBetweenSingleQuotes) {
  EXPECT_EQ(quoted("a b"), "'a b'");
  EXPECT_EQ(quoted(""), "''");
  EXPECT_EQ(quoted("a\nb"), "'a\\nb'");
}

}  // namespace
}  // namespace farhand
