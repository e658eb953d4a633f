// What runs under a key's rights: anything, what fits a pattern, or the one command.
#include "server/verbs/command_choice.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using Words = std::vector<std::string>;

ExecRequest words(Words argv) {
  return {ExecMode::kArgv, std::move(argv)};
}
ExecRequest line(const std::string& text) {
  return {ExecMode::kShell, {text}};
}

TEST(CommandChoice, WithoutRestrictionsTheRequestRunsAsItIs) {
  const auto choice = choose_command(words({"printf", "a b", ""}), Rights{});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->argv, (Words{"printf", "a b", ""}));
  EXPECT_TRUE(choice->environment.empty());
  EXPECT_EQ(choose_command(line("ls | wc"), Rights{})->argv, (Words{"/bin/sh", "-c", "ls | wc"}));
}

TEST(CommandChoice, AFixedCommandRunsWhateverIsAskedFor) {
  Rights rights;
  rights.command = {"backup", "--all"};
  for (const ExecRequest& request : {words({"rm", "-rf", "/"}), line("rm -rf /"), words({"backup", "--none"})}) {
    const auto choice = choose_command(request, rights);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->argv, rights.command);
    EXPECT_EQ(choice->environment.size(), 1u);
  }
}

TEST(CommandChoice, ALoginIsTheUsersShellUnlessTheKeySaysOtherwise) {
  const ExecRequest login{ExecMode::kLogin, {}};
  const auto choice = choose_command(login, Rights{});
  ASSERT_TRUE(choice);
  EXPECT_TRUE(choice->argv.empty());

  Rights fixed;
  fixed.command = {"backup"};
  EXPECT_EQ(choose_command(login, fixed)->argv, Words{"backup"});
  EXPECT_EQ(choose_command(login, fixed)->environment, Words{"FARHAND_ORIGINAL_COMMAND="});

  Rights some;
  for (const Words& pattern : {Words{"*"}, Words{}, Words{"bash"}}) {
    some.argv = {pattern};
    const auto refused = choose_command(login, some);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  }
}

TEST(CommandChoice, TheRequestIsToldToAFixedCommandAsOneVariable) {
  Rights rights;
  rights.command = {"backup"};
  const auto told = [&](const ExecRequest& request) {
    return choose_command(request, rights)->environment.at(0);
  };
  EXPECT_EQ(told(line("a | b")), "FARHAND_ORIGINAL_COMMAND=a | b");
  EXPECT_EQ(told(words({"git-upload-pack", "/srv/x.git"})), "FARHAND_ORIGINAL_COMMAND=git-upload-pack /srv/x.git");
  EXPECT_EQ(told(words({"a b", "", "it's", "$(id)"})), "FARHAND_ORIGINAL_COMMAND='a b' '' 'it'\\''s' '$(id)'");
  EXPECT_EQ(told(words({"x\nLD_PRELOAD=y"})), "FARHAND_ORIGINAL_COMMAND='x\nLD_PRELOAD=y'") << "one entry all the same";
}

TEST(CommandChoice, WhatAClientBringsCannotPoseAsTheRequestOfAFixedCommand) {
  Rights rights;
  rights.command = {"backup"};
  rights.env = {"STAGE"};
  ExecRequest request = words({"--all"});
  request.environment = {"STAGE=test"};
  request.locale = {"FARHAND_ORIGINAL_COMMAND=rm"};
  EXPECT_EQ(choose_command(request, rights)->environment, (Words{"STAGE=test", "FARHAND_ORIGINAL_COMMAND=--all"}));
  request.environment = {"FARHAND_ORIGINAL_COMMAND=rm"};
  EXPECT_FALSE(choose_command(request, rights));
}

TEST(CommandChoice, WithPatternsOnlyWhatFitsOneRuns) {
  Rights rights;
  rights.name = "k";
  rights.argv = {{"git", "*"}, {"uptime"}};
  EXPECT_TRUE(choose_command(words({"git", "status"}), rights));
  EXPECT_TRUE(choose_command(words({"uptime"}), rights));
  for (const ExecRequest& request :
       {words({"git"}), words({"git", "a", "b"}), words({"/usr/bin/uptime"}), words({"uptime", ""}), words({"git\0x"}),
        line("git status"), line("uptime"), words({"sh", "-c", "uptime"}), words({"", "uptime"})}) {
    const auto choice = choose_command(request, rights);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().code, ErrorCode::kRefused);
  }
}

TEST(CommandChoice, AShellLineIsMatchedAsTheArgvThatItIs) {
  Rights rights;
  rights.argv = {{"/bin/sh", "-c", "uptime"}};
  EXPECT_TRUE(choose_command(line("uptime"), rights));
  EXPECT_FALSE(choose_command(line("uptime; id"), rights));
}

TEST(CommandChoice, PatternsHoldBeforeAFixedCommandToo) {
  Rights rights;
  rights.command = {"backup"};
  rights.argv = {{"backup"}};
  EXPECT_TRUE(choose_command(words({"backup"}), rights));
  EXPECT_FALSE(choose_command(words({"id"}), rights));
}

}  // namespace
}  // namespace farhand
