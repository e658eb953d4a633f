// Words: split as a shell does, and names written so that splitting gives them back.
#include "client/prompt/words.h"

#include <gtest/gtest.h>

#include <random>

#include "common/escape.h"

namespace farhand {
namespace {

using Strings = std::vector<std::string>;

Strings words(std::string_view text) {
  const auto split = split_line(text);
  EXPECT_TRUE(split) << text;
  Strings texts;
  for (const Word& word : split ? *split : std::vector<Word>{}) texts.push_back(word.text);
  return texts;
}

Strings shell_words(std::string_view text) {
  Strings texts;
  for (const Word& word : scan_words(text, Dialect::kShell).words) texts.push_back(word.text);
  return texts;
}

TEST(PromptWords, WordsAreSplitAsAShellDoes) {
  EXPECT_EQ(words(""), Strings{});
  EXPECT_EQ(words("  a\t b "), (Strings{"a", "b"}));
  EXPECT_EQ(words("'' \"\""), (Strings{"", ""}));
  EXPECT_EQ(words("a'b c'd"), Strings{"ab cd"});
  EXPECT_EQ(words("\"a 'b' c\" 'd \"e\"'"), (Strings{"a 'b' c", "d \"e\""}));
  EXPECT_EQ(words("a\\ b \\'c \\\\"), (Strings{"a b", "'c", "\\"}));
  EXPECT_EQ(words("'a\\'"), Strings{"a\\"}) << "a backslash means nothing between single quotes";
  EXPECT_EQ(words("\"a\\\"b\\\\c\""), Strings{"a\"b\\c"});
  EXPECT_EQ(words("\xe6\xbc\xa2 \xff"), (Strings{"\xe6\xbc\xa2", "\xff"}));
}

TEST(PromptWords, AnOpenQuoteIsRefused) {
  for (const char* text : {"'", "\"", "a 'b", "a \"b", "\"a\\\"", "$'a", "$'a\\'"}) {
    EXPECT_FALSE(split_line(text)) << text;
  }
}

// Found: between double quotes a shell takes a backslash away only before " \ $ ` and a newline.
TEST(PromptWords, ABackslashBetweenDoubleQuotesStaysBeforeOrdinaryCharacters) {
  EXPECT_EQ(words(R"("C:\docs\new")"), Strings{R"(C:\docs\new)"});
}

TEST(PromptWords, DollarQuotesHoldWhatCannotBeShown) {
  EXPECT_EQ(words(R"($'a\nb\tc\rd\\e\'f\"g')"), Strings{"a\nb\tc\rd\\e'f\"g"});
  EXPECT_EQ(words(R"($'\x1b[2J\x9\xffz')"), Strings{"\x1b[2J\x09\xffz"});
  EXPECT_EQ(words(R"(a$'b'c $x "$'y'")"), (Strings{"abc", "$x", "$'y'"}));
  EXPECT_EQ(words(R"($'\q\xg')"), Strings{R"(\q\xg)"}) << "no escape: as it stands";
}

TEST(PromptWords, AWordKnowsWhereItStands) {
  const std::string_view line = "  ab 'c d'e  f";
  const auto split = split_line(line);
  ASSERT_TRUE(split);
  Strings raw;
  for (const Word& word : *split) raw.emplace_back(line.substr(word.begin, word.end - word.begin));
  EXPECT_EQ(raw, (Strings{"ab", "'c d'e", "f"}));
}

TEST(PromptWords, OnlyAnUnquotedTildeAtTheBeginningIsAHome) {
  const auto tilde = [](std::string_view text) {
    return scan_words(text, Dialect::kPrompt).words.at(0).tilde;
  };
  for (const char* text : {"~", "~/", "~/x", "~ x"}) EXPECT_TRUE(tilde(text)) << text;
  for (const char* text : {"'~'", "\\~", "x~", "~user", "\"~/x\"", "~~"}) EXPECT_FALSE(tilde(text)) << text;
}

TEST(PromptWords, AShellsOperatorsSeparateAndItsReplacementsAreKnown) {
  EXPECT_EQ(shell_words("a;b&&c|d>e<(f)"), (Strings{"a", "b", "c", "d", "e", "f"}));
  EXPECT_EQ(shell_words("'a;b' \"c|d\" e\\&f"), (Strings{"a;b", "c|d", "e&f"}));
  EXPECT_EQ(shell_words("\"a\\$b\\`c\""), Strings{"a$b`c"});
  EXPECT_TRUE(scan_words("a;b", Dialect::kShell).has_operator);
  EXPECT_FALSE(scan_words("'a;b' c", Dialect::kShell).has_operator);
  const auto is_replaced = [](std::string_view text) {
    return scan_words(text, Dialect::kShell).words.at(0).is_replaced;
  };
  for (const char* text : {"$a", "a*", "`b", "\"$c\"", "d?", "[e", "{f", "~user/x", "$'g'"})
    EXPECT_TRUE(is_replaced(text)) << text;
  for (const char* text : {"a", "'$a'", "\\*", "\"\\$b\"", "~/x", "a~"}) EXPECT_FALSE(is_replaced(text)) << text;
}

TEST(PromptWords, NamesAreWrittenPlainWhereTheyCanBe) {
  EXPECT_EQ(word_of("src/main.cpp"), "src/main.cpp");
  EXPECT_EQ(word_of("a b"), "a\\ b");
  EXPECT_EQ(word_of("\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(word_of("\xc3\xa4", true), R"($'\xc3\xa4')") << "a terminal without UTF-8";
  EXPECT_EQ(word_of(""), "''");
  EXPECT_EQ(word_of("a\nb"), R"($'a\nb')");
  EXPECT_EQ(word_of("~"), "\\~");
}

// Whatever stands in a name: one word that is the name, and that shows nothing but itself on a terminal.
TEST(PromptWords, AnyNameComesBackExactlyAndCanBeShown) {
  std::mt19937 random(20221);
  const std::string_view odd = "\\'\"$` ~;&|<>()*?[]{}#!-\n\t\r\x1b\x07\x7f\x9b\xff ab0x";
  const std::string_view hidden = "\xe2\x80\xae";  // U+202E turns text around
  for (int round = 0; round < 3000; ++round) {
    std::string name;
    const std::size_t length = 1 + random() % 12;
    while (name.size() < length) {
      if (random() % 16 == 0) {
        name += hidden;
      } else {
        name += random() % 3 == 0 ? static_cast<char>(1 + random() % 255) : odd[random() % odd.size()];
      }
    }
    for (const bool ascii : {false, true}) {
      const std::string word = word_of(name, ascii);
      EXPECT_EQ(words("get " + word + " x"), (Strings{"get", name, "x"})) << word;
      std::string without = word;
      std::erase(without, '\\');
      EXPECT_EQ(escape_for_display(without), without);
      EXPECT_FALSE(scan_words(word, Dialect::kPrompt).words.at(0).tilde);
    }
    if (const auto word = shell_word_of(name)) {
      EXPECT_EQ(shell_words("cat " + *word + " x"), (Strings{"cat", name, "x"})) << *word;
      EXPECT_FALSE(scan_words(*word, Dialect::kShell).words.at(0).is_replaced) << *word;
    }
  }
}

TEST(PromptWords, AShellIsGivenNoNameThatItCouldNotBeTold) {
  EXPECT_EQ(shell_word_of("a b;c"), "a\\ b\\;c");
  for (const char* name : {"a\nb", "\x1b", "\xff"}) EXPECT_FALSE(shell_word_of(name)) << quoted(name);
}

}  // namespace
}  // namespace farhand
