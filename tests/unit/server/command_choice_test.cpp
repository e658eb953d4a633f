// What runs under a key's rights: anything, what fits a pattern, or the one command.
#include "server/verbs/command_choice.h"

#include <gtest/gtest.h>

#include "server/verbs/command_environment.h"
#include "server/verbs/ssh_variables.h"

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

// ---------------------------------------------------------------------------------------------------------------------
// As sshd does it

TEST(CommandChoice, ALineAtHomeIsForTheUsersOwnShell) {
  const auto choice = choose_command({ExecMode::kHomeLine, {"ls | wc"}}, Rights{});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->argv, (Words{account_shell(), "-c", "ls | wc"}));
  EXPECT_TRUE(choose_command({ExecMode::kHomeLogin, {}}, Rights{})->argv.empty());
}

TEST(CommandChoice, ALineAtHomeIsMatchedAsTheArgvThatItIs) {
  Rights rights;
  rights.argv = {{account_shell(), "-c", "uptime"}, {"git", "*"}};
  EXPECT_TRUE(choose_command({ExecMode::kHomeLine, {"uptime"}}, rights));
  EXPECT_FALSE(choose_command({ExecMode::kHomeLine, {"uptime; id"}}, rights));
  EXPECT_FALSE(choose_command({ExecMode::kHomeLine, {"git status"}}, rights));
  EXPECT_FALSE(choose_command({ExecMode::kHomeLogin, {}}, rights));
}

TEST(CommandChoice, AFixedCommandOfAnSshClientFindsTheRequestUnderSshsNameToo) {
  Rights rights;
  rights.command = {"rrsync", "/srv"};
  const auto choice = choose_command({ExecMode::kHomeLine, {"rsync --server . /"}}, rights);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->argv, rights.command);
  EXPECT_EQ(choice->environment,
            (Words{"FARHAND_ORIGINAL_COMMAND=rsync --server . /", "SSH_ORIGINAL_COMMAND=rsync --server . /"}));
}

TEST(CommandChoice, ASubsystemThatNobodyKnowsIsNotFound) {
  for (const char* name : {"", "no-such", "/usr/lib/openssh/sftp-server", "sftp ", "../sftp"}) {
    const auto choice = choose_command({ExecMode::kSubsystem, {name}}, Rights{});
    ASSERT_FALSE(choice) << name;
    EXPECT_EQ(choice.error().code, ErrorCode::kNotFound);
  }
}

TEST(CommandChoice, AFixedCommandRunsInPlaceOfASubsystemThatNobodyKnowsToo) {
  Rights rights;
  rights.command = {"backup"};
  const auto choice = choose_command({ExecMode::kSubsystem, {"no-such"}}, rights);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->argv, rights.command);
  rights.argv = {{"backup"}};
  EXPECT_FALSE(choose_command({ExecMode::kSubsystem, {"no-such"}}, rights)) << "patterns hold before it";
}

TEST(SshVariables, AClientIsToldByAddressAndPort) {
  EXPECT_EQ(
      ssh_variables("192.0.2.8:5022", "/dev/pts/3"),
      (Words{"SSH_CLIENT=192.0.2.8 5022 65535", "SSH_CONNECTION=192.0.2.8 5022 UNKNOWN 65535", "SSH_TTY=/dev/pts/3"}));
  EXPECT_EQ(ssh_variables("[2001:db8::1]:5022", "").front(), "SSH_CLIENT=2001:db8::1 5022 65535");
}

TEST(SshVariables, WhatIsNoAddressIsUnknown) {
  for (const char* client : {"", "uid 1000", "unix", "192.0.2.8", ":1", "a b:1", "192.0.2.8:", "192.0.2.8:1x"}) {
    EXPECT_EQ(ssh_variables(client, "").front(), "SSH_CLIENT=UNKNOWN 65535 65535") << client;
  }
}

}  // namespace
}  // namespace farhand
