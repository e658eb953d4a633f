// PathFilter alone: what is decided where git has no say, its bounds, and the time that hostile rules take.
#include "protocol/transfer/path_filter.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "protocol/transfer/path_rules.h"

namespace farhand {
namespace {

PathFilter filter_of(const std::vector<std::string>& rules) {
  auto filter = PathFilter::parse(rules);
  if (!filter) throw std::runtime_error(filter.error().message);
  return std::move(*filter);
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(PathFilter, WithoutRulesTakesEverything) {
  EXPECT_TRUE(PathFilter().empty());
  EXPECT_FALSE(PathFilter().excludes("a/b", false));
  EXPECT_FALSE(filter_of({"# a comment", "", "   ", "!"}).excludes("a/b", false));
}

TEST(PathFilter, TheLastRuleThatFitsDecides) {
  const PathFilter filter = filter_of({"*.o", "!keep.o", "/sub/keep.o"});
  EXPECT_TRUE(filter.excludes("a.o", false));
  EXPECT_FALSE(filter.excludes("keep.o", false));
  EXPECT_FALSE(filter.excludes("a/keep.o", false));
  EXPECT_TRUE(filter.excludes("sub/keep.o", false));
}

TEST(PathFilter, NothingBelowALeftOutDirectoryIsTaken) {
  const PathFilter filter = filter_of({"build", "!build/keep"});
  EXPECT_TRUE(filter.excludes("build", true));  // which is why nobody asks about what is below
  EXPECT_TRUE(filter.excludes_on_the_way("build/keep", false));
  EXPECT_TRUE(filter.excludes_on_the_way("a/build/b/c", false));
  EXPECT_FALSE(filter.excludes_on_the_way("a/b/c", false));
}

TEST(PathFilter, AWordOfStatesMoreOrLessChangesNothing) {
  for (std::size_t length = 1; length <= 300; ++length) {  // the automaton has 64 states a word
    const std::string name(length, 'a');
    EXPECT_TRUE(filter_of({"?" + name}).excludes(name + "a", false)) << length;
    EXPECT_FALSE(filter_of({"?" + name}).excludes(name, false)) << length;
    EXPECT_TRUE(filter_of({"?" + name + "*/**/b"}).excludes("a" + name + "/b", false)) << length;
    EXPECT_TRUE(filter_of({"?" + name + "/**/b"}).excludes("a" + name + "/b", false)) << length;
    EXPECT_TRUE(filter_of({"?" + name + "/**/*b"}).excludes("a" + name + "/c/c/b", false)) << length;
    EXPECT_FALSE(filter_of({"?" + name + "/**/b"}).excludes("a" + name + "/bb", false)) << length;
  }
}

// Each of these takes a matcher that backtracks more than the age of the universe.
TEST(PathFilter, NoPatternTakesLong) {
  const std::string name = repeated("a", 4095);
  const std::string deep = repeated("a/", 2047);
  EXPECT_FALSE(filter_of({repeated("*a", 2000) + "b"}).excludes(name, false));
  EXPECT_FALSE(filter_of({repeated("a*?", 1300) + "b"}).excludes(name, false));
  EXPECT_FALSE(filter_of({repeated("**/a/", 800) + "b"}).excludes(deep + "a", false));
  EXPECT_FALSE(filter_of({repeated("**/*a*/", 500) + "b"}).excludes(deep + "a", false));
  EXPECT_FALSE(filter_of({repeated("[a-z]*", 600) + "0"}).excludes(name, false));
  EXPECT_TRUE(filter_of({repeated("*a", 2000) + "*"}).excludes(name, false));
}

TEST(PathFilter, AsManyAndAsLongRulesAsPermittedAreTaken) {
  EXPECT_TRUE(PathFilter::parse(std::vector<std::string>(kMaxPathRules, "*.o")));
  EXPECT_TRUE(PathFilter::parse({std::string(kMaxPathRuleBytes, '?')}));
  EXPECT_TRUE(PathFilter::parse(std::vector<std::string>(16, std::string(kMaxPathRuleBytes, '?'))));
}

TEST(PathFilter, MoreAndLongerRulesAreRefused) {
  const auto many = PathFilter::parse(std::vector<std::string>(kMaxPathRules + 1, "a"));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kLimit);
  EXPECT_EQ(many.error().message, "there are 4097 rules for what to leave out, and 4096 are the most");
  const auto large = PathFilter::parse({std::string(kMaxPathRuleBytes + 1, 'a')});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimit);
  const auto together = PathFilter::parse(std::vector<std::string>(17, std::string(kMaxPathRuleBytes, '?')));
  ASSERT_FALSE(together);
  EXPECT_EQ(together.error().message,
            "the rules for what to leave out have 69632 bytes together, and 65536 are the most");
}

TEST(PathFilter, AZeroByteIsRefused) {
  const auto filter = PathFilter::parse({std::string("a\0b", 3)});
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().code, ErrorCode::kUsage);
  EXPECT_EQ(filter.error().message, "the rule 'a\\x00b' holds a zero byte, which no name does");
}

TEST(PathRules, AnOptionsPatternIsNeverACommentAndItsSpacesCount) {
  EXPECT_TRUE(filter_of({exclude_rule("#x")}).excludes("#x", false));
  EXPECT_TRUE(filter_of({exclude_rule("x ")}).excludes("x ", false));
  EXPECT_FALSE(filter_of({exclude_rule("x ")}).excludes("x", false));
  EXPECT_TRUE(filter_of({exclude_rule("x\\  ")}).excludes("x  ", false));
  EXPECT_TRUE(filter_of({exclude_rule(" ")}).excludes(" ", false));
  EXPECT_FALSE(filter_of({exclude_rule("*"), include_rule("#x ")}).excludes("#x ", false));
  EXPECT_FALSE(filter_of({exclude_rule("*"), include_rule("!x")}).excludes("!x", false));
  EXPECT_FALSE(filter_of({exclude_rule("*"), exclude_rule("!x")}).excludes("x", false));
  EXPECT_FALSE(filter_of({exclude_rule("")}).excludes("x", false));
}

TEST(PathRules, AnOptionsPatternMayHoldNewlines) {
  EXPECT_TRUE(filter_of({exclude_rule("a\nb")}).excludes("a\nb", false));
}

TEST(PathRules, OfAFileTheLineIsNamedThatCannotBeOne) {
  const auto zero = rules_in_text(std::string_view("a\n\n#\nb\0c\n", 9), "my\nrules");
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().message, "line 4 of 'my\\nrules' holds a zero byte, which no name does, so it is no rule");
  const auto large = rules_in_text("a\n" + std::string(kMaxPathRuleBytes + 1, 'b'), "rules");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kLimit);
  EXPECT_EQ(large.error().message, "line 2 of 'rules' has 4097 bytes, and a rule at most 4096");
}

TEST(PathRules, CommentsOfAFileDoNotCountTowardsTheMost) {
  const auto rules = rules_in_text(repeated("# a comment\n\n", 10000) + "*.o\n", "rules");
  ASSERT_TRUE(rules);
  EXPECT_EQ(*rules, std::vector<std::string>{"*.o"});
}

}  // namespace
}  // namespace farhand
