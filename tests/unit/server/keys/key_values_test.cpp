// Names, rates, variables, and patterns of words.
#include "server/keys/key_values.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

TEST(KeyName, IsPrintableAndNotMistakenForAnythingElse) {
  for (const char* name : {"laptop", "ann@example.org", "a b", "größe", "x-2", "."}) {
    EXPECT_TRUE(check_key_name(name)) << name;
  }
  for (const std::string& name : {std::string(), std::string("-x"), std::string("a\nb"), std::string("a\\b"),
                                  std::string("\x1b[31m"), std::string("sha256:00"), std::string(129, 'x'),
                                  std::string(" x"), std::string("x "), std::string("a\0b", 3)}) {
    EXPECT_FALSE(check_key_name(name)) << name;
  }
}

TEST(KeyName, OfAClientsClaimIsAlwaysOneThatIsPermitted) {
  EXPECT_EQ(key_name_from("ann@laptop"), "ann@laptop");
  EXPECT_EQ(key_name_from("--help"), "help");
  EXPECT_EQ(key_name_from("a b/../c"), "a-b-..-c");
  EXPECT_EQ(key_name_from(""), "client");
  EXPECT_EQ(key_name_from("\xff\xfe"), "client");
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string& claimed :
         {std::string(1, static_cast<char>(byte)), "a" + std::string(1, static_cast<char>(byte)),
          "sha256:" + std::string(1, static_cast<char>(byte)), std::string(200, static_cast<char>(byte))}) {
      EXPECT_TRUE(check_key_name(key_name_from(claimed))) << byte;
    }
  }
}

TEST(Rate, IsANumberPerUnit) {
  EXPECT_EQ(*parse_rate("10/s"), (RequestRate{10, std::chrono::seconds(1)}));
  EXPECT_EQ(*parse_rate("60/m"), (RequestRate{60, std::chrono::seconds(60)}));
  EXPECT_EQ(rate_text(*parse_rate("1/h")), "1/h");
  for (const char* text : {"", "10", "10/", "/s", "10/d", "0/s", "-1/s", "10/ss", "10 /s", "99999999999/s", "1.5/s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(Root, IsAbsoluteAndDirect) {
  EXPECT_TRUE(check_root("/"));
  EXPECT_TRUE(check_root("/srv/..x"));
  for (const char* path : {"", "srv", "./srv", "/srv/..", "/srv/../etc", "~/x"}) EXPECT_FALSE(check_root(path)) << path;
}

TEST(Variable, NothingThatDecidesWhatRuns) {
  for (const char* name :
       {"TERM", "DEPLOY_STAGE", "GIT_PROTOCOL", "GIT_AUTHOR_NAME", "_", "A1", "COLUMNS", "NO_COLOR"}) {
    EXPECT_TRUE(check_variable(name)) << name;
  }
  for (const char* name : {"EDITOR",
                           "VISUAL",
                           "PAGER",
                           "MANPAGER",
                           "BROWSER",
                           "GIT_EXTERNAL_DIFF",
                           "GIT_PAGER",
                           "GIT_EDITOR",
                           "GIT_DIR",
                           "GIT_SSH",
                           "GIT_ASKPASS",
                           "SSH_ASKPASS",
                           "LESSOPEN",
                           "LESS",
                           "RSYNC_RSH",
                           "CVS_RSH",
                           "SVN_SSH",
                           "HGEDITOR",
                           "MAKEFLAGS",
                           "MAKEFILES",
                           "GNUMAKEFLAGS",
                           "CC",
                           "TAR_OPTIONS",
                           "XDG_CONFIG_HOME",
                           "KUBECONFIG",
                           "SYSTEMD_PAGER",
                           "SUDO_EDITOR",
                           "GOFLAGS",
                           "npm_config_script_shell",
                           "PHPRC",
                           "VIMINIT"}) {
    EXPECT_FALSE(check_variable(name)) << name;
  }
  for (const char* name : {"",
                           "LD_PRELOAD",
                           "LD_",
                           "PATH",
                           "BASH_ENV",
                           "BASH_FUNC_x%%",
                           "IFS",
                           "ENV",
                           "PYTHONPATH",
                           "FARHAND_ORIGINAL_COMMAND",
                           "GCONV_PATH",
                           "SHELLOPTS",
                           "LOCPATH",
                           "GLIBC_TUNABLES",
                           "TERMINFO",
                           "TZDIR",
                           "NODE_OPTIONS",
                           "GIT_SSH_COMMAND",
                           "GIT_CONFIG_COUNT",
                           "_JAVA_OPTIONS",
                           "A=B",
                           "LC_*",
                           "1A",
                           "A B",
                           "HOME",
                           "PERL5LIB"}) {
    EXPECT_FALSE(check_variable(name)) << name;
  }
}

TEST(WordsMatch, WordByWordAndToTheEnd) {
  using Words = std::vector<std::string>;
  EXPECT_TRUE(words_match({"git", "*"}, Words{"git", "status"}));
  EXPECT_TRUE(words_match({"git", "*"}, Words{"git", ""}));
  EXPECT_FALSE(words_match({"git", "*"}, Words{"git"}));
  EXPECT_FALSE(words_match({"git", "*"}, Words{"git", "a", "b"}));
  EXPECT_FALSE(words_match({"git", "*"}, Words{"gitx", "a"}));
  EXPECT_TRUE(words_match({"a?c"}, Words{"abc"}));
  EXPECT_FALSE(words_match({"a?c"}, Words{"ac"}));
  EXPECT_TRUE(words_match({"--file=/srv/*.log"}, Words{"--file=/srv/a/b.log"}));
  EXPECT_FALSE(words_match({"--file=/srv/*.log"}, Words{"--file=/srv/a.log "}));
  EXPECT_TRUE(words_match({"*a*b*"}, Words{"xxaxxbxx"}));
  EXPECT_FALSE(words_match({"*a*b"}, Words{"xxaxxbxx"}));
  EXPECT_TRUE(words_match({"[a-z]"}, Words{"[a-z]"})) << "brackets stand for themselves";
}

// A backtracking matcher would take longer than the universe has.
TEST(WordsMatch, ManyStarsCostNoTime) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(words_match({pattern + "b"}, {std::string(5000, 'a')}));
}

}  // namespace
}  // namespace farhand
