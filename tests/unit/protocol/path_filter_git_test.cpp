// PathFilter and git side by side: the same names left out, by every pattern of some tables and by rules made at
// random.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/escape.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/path_rules.h"
#include "tests/unit/protocol/git_ignore.h"

namespace farhand {
namespace {

using Patterns = std::vector<std::string>;

class LikeGit : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (test::GitIgnore::present()) git = std::make_unique<test::GitIgnore>();
  }
  static void TearDownTestSuite() { git.reset(); }
  void SetUp() override {
    if (!git) GTEST_SKIP() << "there is no git here to compare with";
  }

  static void compare(const std::string& text) {
    const auto rules = rules_in_text(text, "rules");
    ASSERT_TRUE(rules) << rules.error().message;
    const auto filter = PathFilter::parse(*rules);
    ASSERT_TRUE(filter) << filter.error().message;
    const auto expected = git->excluded(text);
    for (std::size_t i = 0; i < git->paths().size(); ++i) {
      const auto& [path, is_directory] = git->paths()[i];
      ASSERT_EQ(filter->excludes_on_the_way(path, is_directory), expected[i])
          << quoted(path) << " with the rules " << quoted(text);
    }
  }
  static void compare_each(const Patterns& patterns) {
    for (const std::string& pattern : patterns) compare(pattern + "\n");
  }

  static std::unique_ptr<test::GitIgnore> git;
};

std::unique_ptr<test::GitIgnore> LikeGit::git;

TEST_F(LikeGit, NamesAndAnchors) {
  compare_each({"foo",      "/foo",   "foo/",     "/foo/",    "foo/bar",
                "/foo/bar", "bar/",   "foo/bar/", "a/a",      "build",
                "/build",   "build/", "a/build",  "nothing",  "foo/nothing/bar",
                "/",        "//",     "//foo",    "foo//bar", "foo//",
                "link",     "link/",  ".hidden",  ".",        "..",
                "./foo",    "FOO",    "\xff\xfe", "\xc3\xa9"});
}

TEST_F(LikeGit, Stars) {
  compare_each({"*",   "*.o",   "f*",    "*o*",    "*.*", "?",     "??",      "?oo",    "f?o",     "/*",    "/*.o",
                "*/",  "*/foo", "foo/*", "/foo/*", "*/*", "a/*/c", "*/*/*",   "a?b",    "foo?bar", "*a*b*", "/a*",
                "f.?", "*.o~",  "a/*b*", "?/?",    "*x",  "x*",    "src/*/b", "src/a*", "sr*/a*/b"});
}

TEST_F(LikeGit, DoubleStars) {
  compare_each({"**",        "**/",        "/**",       "/**/",     "**/foo",    "/**/foo",       "**/foo/bar",
                "foo/**",    "a/**/c",     "a/**/b",    "src/**/b", "src/**/x",  "**/a/**",       "**/**/foo",
                "a/**/**/c", "**/b/*",     "a**",       "**a",      "a**c",      "a**/c",         "a/**c",
                "foo**/bar", "foo**/",     "/src**/b",  "f**/bar",  "*/**/b",    "**/*.o",        "a/***/c",
                "***",       "***/c",      "s**/b",     "?**/b",    "**/**",     "**?",           "src/**/",
                "**\\/b",    "src/**\\/b", "**/**\\/b", "[s]**/b",  "src/a**/b", "src/**/a/**/x", "a**//",
                "?**//"});
}

TEST_F(LikeGit, Brackets) {
  compare_each({"[a-c]", "[!a-c]",  "[^a-c]",    "[abc]",      "x[a-z]",  "x[!a-z]", "[]a]",         "[!]a]",
                "x[]]",  "x[]-a]",  "[a",        "[",          "x[",      "[!",      "[]",           "[!]",
                "x[a-]", "x[-a]",   "x[--0]",    "x[a-c-e]",   "x[\\]]",  "x[\\-a]", "x[a\\-z]",     "x[!-~]",
                "x[\\",  "x[a\\",   "foo[/]bar", "foo[!a]bar", "a[.-0]b", "x[z-a]",  "x[\x80-\xff]", "x[!\x01-\x7f]",
                "[[]a]", "[\\[]a]", "a[]]",      "x[a-\\d]",   "x[[-a]",  "[fb]oo",  "[f]*",         "x[^^]",
                "x[!!]", "x[^!]",   "x[,--]"});
}

TEST_F(LikeGit, NamedClasses) {
  for (const char* const name :
       {"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"}) {
    compare("x[[:" + std::string(name) + ":]]\n");
    compare("x[^[:" + std::string(name) + ":]]\n");
  }
  compare_each({"x[[:vowel:]]", "x[[:ALPHA:]]", "x[[::]]", "x[[:]", "x[[:]]", "x[[:a]", "x[[:alpha:]",
                "x[[:alpha:", "x[[:alpha:]0-3]", "x[a-[:digit:]]", "x[[:digit:]-a]", "x[[:-c]", "x[:alpha:]",
                "x[[.a.]]", "*[[:vowel:]]"});
}

TEST_F(LikeGit, EscapesSpacesAndComments) {
  compare_each({"#x",     "\\#x",   "!x",        "\\!x",      "!",      "!!x",  "x ",     "x\\ ",   "x \\ ", "x\\  ",
                "x   ",   " x",     "x\t",       "\\x",       "\\*",    "\\?x", "\\[a]",  "\\\\",   "\\",    "x\\",
                "x\\\\ ", "foo\\/", "foo\\/bar", "\\f\\o\\o", "sp\\ /", "sp /", "sp*",    "d\\\\/", "d\\/",  "a\\*",
                "\\",     " ",      "  ",        "\t",        "*\\ ",   "*\\x", "\\/foo", "x\r",    "x\\\r"});
}

TEST_F(LikeGit, FilesOfRules) {
  for (const char* const text :
       {"", "\n\n", "# all\n\n*.o\n!f.o\n", "*\n!foo\n", "foo\n!foo/bar\n", "/*\n!/foo\n/foo/*\n!/foo/bar\n",
        "*\n!*/\n!*.c\n", "!f.o\n*.o\n", "*.o\r\n!f.o\r\n", "*.o\n!f.o", "x\r", "\xEF\xBB\xBF*.o\n",
        "\n\xEF\xBB\xBF*.o\n", "*.o\n!a/f.o\na/a/\n", "a/\n!a/b/\n", "a/*\n!a/b\na/b/*\n!a/b/c\n", "**/a\n!src/a\n",
        "x \\ \t\nb\n", "\r\nfoo\r\r\n"}) {
    compare(text);
  }
}

std::string made_rules(std::mt19937& dice) {
  static const Patterns kPieces{"a",           "b",
                                "c",           "f",
                                "o",           "x",
                                "foo",         "bar",
                                "build",       "src",
                                ".",           ".o",
                                "*",           "*",
                                "*",           "**",
                                "**/",         "/**",
                                "/",           "/",
                                "?",           "[ab]",
                                "[!a]",        "[^b]",
                                "\\",          "[a-f]",
                                "[]x]",        "[!]x]",
                                "[",           "]",
                                "-",           " ",
                                "!",           "#",
                                "[[:alpha:]]", "\\*",
                                "/a",          "a/",
                                "/**/",        "**/**/",
                                "***",         "[--x]",
                                "[a-",         "[[:",
                                ":]",          "[^[:punct:]]",
                                "\\/",         "x?"};
  const auto below = [&dice](std::size_t end) {
    return dice() % end;
  };
  std::string text;
  for (auto rules = 1 + below(5); rules > 0; --rules) {
    if (below(4) == 0) text += '!';
    for (auto pieces = 1 + below(6); pieces > 0; --pieces) text += kPieces[below(kPieces.size())];
    if (below(8) == 0) text += '/';
    text += '\n';
  }
  return text;
}

TEST_F(LikeGit, RulesMadeAtRandom) {
  constexpr unsigned kSeed = 20260;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 dice(kSeed);
  for (int i = 0; i < 40 * FARHAND_TEST_SCALE && !HasFatalFailure(); ++i) compare(made_rules(dice));
}

}  // namespace
}  // namespace farhand
