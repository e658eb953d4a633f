// rclient's command line: what is meant, and a sentence for what is not understood.
#include "client/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "protocol/limits.h"

namespace farhand {
namespace {

tl::expected<ClientCommandLine, UsageError> parse(std::vector<const char*> words) {
  ::unsetenv("RCLIENT_HOST");
  words.insert(words.begin(), "rclient");
  return parse_client_command_line(static_cast<int>(words.size()), words.data());
}

// The command of the kind that is expected; a default one and a failed test otherwise.
template <class Command>
Command command_of(const std::vector<const char*>& words) {
  const auto line = parse(words);
  if (!line) {
    ADD_FAILURE() << line.error().error.message;
    return {};
  }
  const auto* command = std::get_if<Command>(&line->command);
  if (command == nullptr) {
    ADD_FAILURE() << "another command";
    return {};
  }
  return *command;
}

ClientOptions options_of(const std::vector<const char*>& words) {
  const auto line = parse(words);
  EXPECT_TRUE(line) << (line ? "" : line.error().error.message);
  return line ? line->options : ClientOptions{};
}

// The sentence of a usage error; empty and a failed test if there is none.
std::string complaint_about(const std::vector<const char*>& words) {
  const auto line = parse(words);
  if (line) {
    ADD_FAILURE() << "it was understood";
    return {};
  }
  EXPECT_EQ(line.error().error.code, ErrorCode::kUsage);
  EXPECT_FALSE(line.error().error.remote);
  return line.error().error.message;
}

using Strings = std::vector<std::string>;

TEST(ClientCommandLine, OneWordIsAShellLine) {
  const auto exec = command_of<ExecCommand>({"exec", "ls -l | wc"});
  EXPECT_EQ(exec.request.mode, ExecMode::kShell);
  EXPECT_EQ(exec.request.words, Strings{"ls -l | wc"});
}

TEST(ClientCommandLine, WordsBehindTwoDashesAreExactlyThose) {
  const auto exec = command_of<ExecCommand>({"exec", "--", "prog", "a b", "", "--json", "--", "-H", "[x]", "a,b"});
  EXPECT_EQ(exec.request.mode, ExecMode::kArgv);
  EXPECT_EQ(exec.request.words, (Strings{"prog", "a b", "", "--json", "--", "-H", "[x]", "a,b"}));
}

TEST(ClientCommandLine, VariablesComeWithTheirValuesOrTakeThoseFromHere) {
  ::setenv("FARHAND_TEST_VARIABLE", "from here", 1);
  const auto exec = command_of<ExecCommand>({"exec", "--env", "A=1", "--env", "FARHAND_TEST_VARIABLE",
                                             "--env=B=", "--env", "C=x=y,z", "--", "env", "--env", "D=1"});
  EXPECT_EQ(exec.request.environment, (Strings{"A=1", "FARHAND_TEST_VARIABLE=from here", "B=", "C=x=y,z"}));
  EXPECT_EQ(exec.request.words, (Strings{"env", "--env", "D=1"}));
  const auto line = command_of<ExecCommand>({"exec", "--env", "A=1", "env --env D=1"});
  EXPECT_EQ(line.request.environment, Strings{"A=1"});
  EXPECT_EQ(line.request.words, Strings{"env --env D=1"}) << "--env takes one word";
  EXPECT_TRUE(command_of<ExecCommand>({"exec", "env"}).request.environment.empty());
}

TEST(ClientCommandLine, AVariableThatIsNoneOrNotSetOrTooMuchIsAUsageError) {
  ::unsetenv("FARHAND_TEST_VARIABLE");
  EXPECT_NE(complaint_about({"exec", "--env", "FARHAND_TEST_VARIABLE", "env"}).find("is not set here"),
            std::string::npos);
  complaint_about({"exec", "--env", "=1", "env"});
  complaint_about({"exec", "--env"});
  const std::string fits = "A=" + std::string(kMaxVariableBytes - 2, 'x');
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--env", fits.c_str(), "env"}).request.environment, Strings{fits});
  const std::string longer = fits + "secret";
  EXPECT_EQ(complaint_about({"exec", "--env", longer.c_str(), "env"}).find("secret"), std::string::npos);
  std::vector<const char*> many{"exec"};
  for (std::size_t i = 0; i < kMaxVariables; ++i) many.insert(many.end(), {"--env", "A=1"});
  many.push_back("env");
  EXPECT_EQ(command_of<ExecCommand>(many).request.environment.size(), kMaxVariables);
  many.insert(many.begin() + 1, {"--env", "A=1"});
  complaint_about(many);
}

TEST(ClientCommandLine, ACommandHasItsDirectoryTimeoutAndInput) {
  using namespace std::chrono_literals;
  const auto exec =
      command_of<ExecCommand>({"exec", "--cwd", "[a]", "--timeout", "90s", "--stdin=a,b", "--merge", "ls"});
  EXPECT_EQ(exec.request.directory, "[a]");
  EXPECT_EQ(exec.request.timeout, 90s);
  EXPECT_TRUE(exec.request.merge);
  EXPECT_EQ(exec.input, "a,b");
  const auto plain = command_of<ExecCommand>({"exec", "ls"});
  EXPECT_EQ(plain.request.directory + plain.input, "");
  EXPECT_EQ(plain.request.timeout, 0s);
  EXPECT_FALSE(plain.request.merge);
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--timeout", "36500d", "ls"}).request.timeout, 24h * 36500);
}

TEST(ClientCommandLine, OptionsOfExecThatMeanNothingAreUsageErrors) {
  for (const char* timeout : {"5", "0s", "-5s", "5 s", "1.5s", "soon", "36501d"}) {
    EXPECT_NE(complaint_about({"exec", "--timeout", timeout, "ls"}).find("10m"), std::string::npos) << timeout;
  }
  for (const char* option : {"--cwd", "--timeout", "--stdin"}) {
    EXPECT_NE(complaint_about({"exec", option, "", "ls"}).find("empty"), std::string::npos) << option;
    EXPECT_NE(complaint_about({"exec", option, "5s", option, "5s", "ls"}).find("twice"), std::string::npos) << option;
  }
  const std::string fits(kMaxFrameNameBytes, 'x');
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--cwd", fits.c_str(), "ls"}).request.directory, fits);
  complaint_about({"exec", "--cwd", (fits + "x").c_str(), "ls"});
  for (const char* window : {"0", "-1", "257", "x", ""}) complaint_about({"exec", "--window", window, "ls"});
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--window", "256", "ls"}).window, 256u);
}

TEST(ClientCommandLine, SeveralHostsAndGroupsAreForExecAlone) {
  EXPECT_EQ(options_of({"-H", "a", "-H", "[::1]", "-H", "@g", "exec", "ls"}).hosts, (Strings{"a", "[::1]", "@g"}));
  EXPECT_EQ(options_of({"-H", "@g", "exec", "ls"}).hosts, Strings{"@g"});
  EXPECT_EQ(options_of({"-H", "a", "-H", "b", "exec", "ls"}).host, "");
  EXPECT_TRUE(options_of({"-H", "a", "exec", "ls"}).hosts.empty());
  for (const auto& words : {std::vector<const char*>{"-H", "a", "-H", "b", "post", "f"},
                            {"-H", "@g", "get", "f"},
                            {"-H", "a", "-H", "b"},
                            {"-H", "@g", "hosts"}}) {
    EXPECT_NE(complaint_about(words).find("only exec"), std::string::npos);
  }
  complaint_about({"-H", "a", "-H", "", "exec", "ls"});
}

TEST(ClientCommandLine, OptionsBehindTwoDashesAreNotOurs) {
  EXPECT_FALSE(options_of({"exec", "--", "prog", "--json", "-q"}).json);
  EXPECT_FALSE(options_of({"exec", "--", "prog", "--json", "-q"}).quiet);
}

TEST(ClientCommandLine, SeveralWordsWithoutDashesShowBothWays) {
  const std::string message = complaint_about({"exec", "grep", "a b", "it's"});
  EXPECT_NE(message.find("rclient exec 'grep a b it'"), std::string::npos) << message;
  EXPECT_NE(message.find("rclient exec -- grep 'a b' 'it'"), std::string::npos) << message;
}

TEST(ClientCommandLine, AnAmbiguousExecNeverRunsAnything) {
  complaint_about({"exec", "rm", "-rf"});
  complaint_about({"exec", "ls", "--json"});
  complaint_about({"exec", "ls", "--", "-l"});
}

TEST(ClientCommandLine, AnExecWithoutACommandIsRefused) {
  complaint_about({"exec"});
  complaint_about({"exec", "--"});
  complaint_about({"exec", "--json"});
}

TEST(ClientCommandLine, OptionsOfExecStandBeforeItsCommand) {
  EXPECT_TRUE(options_of({"exec", "--json", "ls"}).json);
  EXPECT_TRUE(options_of({"--json", "exec", "ls"}).json);
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--status-fd", "3", "ls"}).status_fd, 3);
  EXPECT_EQ(command_of<ExecCommand>({"exec", "ls"}).status_fd, -1);
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--encoding", "GBK", "ls"}).encoding, "GBK");
  EXPECT_EQ(command_of<ExecCommand>({"--encoding", "GBK", "exec", "ls"}).encoding, "GBK");
}

TEST(ClientCommandLine, UnknownOptionsAreNamed) {
  EXPECT_NE(complaint_about({"exec", "--bogus"}).find("--bogus"), std::string::npos);
  EXPECT_NE(complaint_about({"--bogus", "exec", "ls"}).find("--bogus"), std::string::npos);
  EXPECT_NE(complaint_about({"post", "--bogus", "f"}).find("--bogus"), std::string::npos);
  EXPECT_NE(complaint_about({"get", "-z", "f"}).find("-z"), std::string::npos);
}

TEST(ClientCommandLine, AUsageErrorKnowsWhetherItIsExecsAndWhetherJsonWasAsked) {
  const auto exec = parse({"--json", "exec", "a", "b"});
  ASSERT_FALSE(exec);
  EXPECT_TRUE(exec.error().in_exec);
  EXPECT_TRUE(exec.error().json);
  const auto post = parse({"post"});
  ASSERT_FALSE(post);
  EXPECT_FALSE(post.error().in_exec);
  EXPECT_FALSE(post.error().json);
}

TEST(ClientCommandLine, ABadValueOfAnOptionOfExecIsStillExecs) {
  const auto exec = parse({"exec", "--status-fd", "x", "ls"});
  ASSERT_FALSE(exec);
  EXPECT_TRUE(exec.error().in_exec);
}

TEST(ClientCommandLine, FilesAreTakenAsTheyAreWritten) {
  const Strings names{"[a,b]", "a,b", "k=v", "{x}", "a b", "%1", "@file", "/abs", "\xff\xfe", "'q'", "\"q\"", "a\nb"};
  std::vector<const char*> words{"post"};
  for (const std::string& name : names) words.push_back(name.c_str());
  EXPECT_EQ(command_of<PostCommand>(words).files, names);
  words.front() = "get";
  EXPECT_EQ(command_of<GetCommand>(words).paths, names);
}

TEST(ClientCommandLine, FilesThatLookLikeOptionsStandBehindTwoDashes) {
  EXPECT_EQ(command_of<PostCommand>({"post", "--", "-x", "--to", "--"}).files, (Strings{"-x", "--to", "--"}));
  EXPECT_EQ(command_of<PostCommand>({"post", "a", "--", "-x"}).files, (Strings{"a", "-x"}));
  EXPECT_NE(complaint_about({"post", "-x"}).find("behind --"), std::string::npos);
}

TEST(ClientCommandLine, ToIsReadBeforeAndBehindTheFiles) {
  for (const auto& words : {std::vector<const char*>{"post", "--to", "d", "a", "b"},
                            {"post", "a", "b", "--to", "d"},
                            {"post", "a", "--to", "d", "b"},
                            {"post", "--to=d", "a", "b"}}) {
    const auto post = command_of<PostCommand>(words);
    EXPECT_EQ(post.to, "d");
    EXPECT_EQ(post.files, (Strings{"a", "b"}));
  }
  EXPECT_EQ(command_of<GetCommand>({"get", "a", "--to", "[d]"}).to, "[d]");
}

TEST(ClientCommandLine, ATransferWithoutAFileIsRefused) {
  complaint_about({"post"});
  complaint_about({"get"});
  complaint_about({"post", "--to", "d"});
  complaint_about({"post", "--"});
  complaint_about({"post", ""});
  complaint_about({"get", "--", ""});
}

TEST(ClientCommandLine, TheHostComesFromTheOptionThenFromTheEnvironment) {
  EXPECT_EQ(options_of({"-H", "[::1]:80", "exec", "ls"}).host, "[::1]:80");
  EXPECT_EQ(options_of({"-H", "[::1]", "exec", "ls"}).host, "[::1]");
  EXPECT_EQ(options_of({"--host=unix:/a,b", "exec", "ls"}).host, "unix:/a,b");
  EXPECT_EQ(options_of({"exec", "ls"}).host, "");
  ::setenv("RCLIENT_HOST", "from-environment", 1);
  const std::vector<const char*> words{"rclient", "exec", "ls"};
  const auto line = parse_client_command_line(static_cast<int>(words.size()), words.data());
  ASSERT_TRUE(line);
  EXPECT_EQ(line->options.host, "from-environment");
  ::unsetenv("RCLIENT_HOST");
}

TEST(ClientCommandLine, PairTakesAHostAndACodeOrAsksForOne) {
  const auto full = command_of<PairCommand>({"pair", "[::1]:99", "CODE", "--as", "web", "--replace"});
  EXPECT_EQ(full.host, "[::1]:99");
  EXPECT_EQ(full.code, "CODE");
  EXPECT_EQ(full.alias, "web");
  EXPECT_TRUE(full.replace);
  const auto least = command_of<PairCommand>({"pair", "--json", "host"});
  EXPECT_EQ(least.code + least.alias, "");
  EXPECT_FALSE(least.replace);
  complaint_about({"pair"});
  complaint_about({"pair", "--as", "web"});
  complaint_about({"pair", "h", "--", "c"});
}

TEST(ClientCommandLine, AComplaintAboutPairNeverRepeatsWhatMayBeACode) {
  for (const auto& words : {std::vector<const char*>{"pair", "h", "SECRET", "more"},
                            {"pair", "h", "--SECRET"},
                            {"pair", "h", "--bogus", "SECRET"}}) {
    EXPECT_EQ(complaint_about(words).find("SECRET"), std::string::npos);
  }
}

TEST(ClientCommandLine, TheUserToBeStandsBeforeOrBehindWhateverAsksAHost) {
  for (const auto& words : {std::vector<const char*>{"exec", "--as", "www-data", "id"},
                            {"--as", "www-data", "exec", "id"},
                            {"exec", "--as=www-data", "--", "id"},
                            {"shell", "--as", "www-data"},
                            {"post", "f", "--as", "www-data"},
                            {"get", "--as", "www-data", "f"},
                            {"-H", "a", "-H", "b", "exec", "--as", "www-data", "id"},
                            {"--as", "www-data"}}) {
    EXPECT_EQ(options_of(words).as, "www-data") << words.front();
  }
  EXPECT_EQ(options_of({"exec", "id"}).as, "");
  EXPECT_EQ(options_of({"exec", "--", "id", "--as", "eve"}).as, "");
  EXPECT_EQ(options_of({"exec", "id --as eve"}).as, "");
}

TEST(ClientCommandLine, AUserThatIsNoneOrTwiceIsAUsageError) {
  const std::string longest(255, 'u');
  EXPECT_EQ(options_of({"exec", "--as", longest.c_str(), "id"}).as, longest);
  const std::string longer = longest + "u";
  for (const char* user : {"", "a b", "a\nb", "-x", "a/b", longer.c_str()}) {
    EXPECT_NE(complaint_about({"exec", "--as", user, "id"}).find("no user's name"), std::string::npos) << user;
  }
  EXPECT_NE(complaint_about({"--as", "a", "exec", "--as", "a", "id"}).find("twice"), std::string::npos);
  EXPECT_NE(complaint_about({"exec", "--as", "a", "--as", "b", "id"}).find("twice"), std::string::npos);
}

// The alias that `pair --as` gives a host is another thing than the user to be there.
TEST(ClientCommandLine, AnAliasAndAUserAreNeverTakenForEachOther) {
  EXPECT_EQ(options_of({"pair", "h", "--as", "web"}).as, "");
  EXPECT_EQ(command_of<PairCommand>({"pair", "h", "--as", "web"}).alias, "web");
  EXPECT_NE(complaint_about({"--as", "web", "pair", "h"}).find("pair HOST:PORT CODE --as ALIAS"), std::string::npos);
  complaint_about({"--as", "web", "hosts"});
  complaint_about({"--as", "web", "forget", "h"});
  EXPECT_NE(command_of<ShowText>({"exec", "--help"}).text.find("--as USER"), std::string::npos);
  EXPECT_NE(command_of<ShowText>({"pair", "--help"}).text.find("--as ALIAS"), std::string::npos);
}

TEST(ClientCommandLine, HostsAndForget) {
  command_of<HostsCommand>({"hosts"});
  EXPECT_TRUE(options_of({"hosts", "--json"}).json);
  EXPECT_EQ(command_of<ForgetCommand>({"forget", "web"}).alias, "web");
  complaint_about({"hosts", "web"});
  complaint_about({"forget"});
  complaint_about({"forget", "a", "b"});
  complaint_about({"forget", "-x"});
}

TEST(ClientCommandLine, OptionsOfTrustGoTogetherOrExcludeEachOther) {
  EXPECT_EQ(options_of({"--ca", "f", "--verify-name", "n", "exec", "ls"}).verify_name, "n");
  complaint_about({"--verify-name", "n", "exec", "ls"});
  complaint_about({"--ca", "f", "--tls-server-pin", "p", "exec", "ls"});
  complaint_about({"--tls-cert", "f", "exec", "ls"});
  complaint_about({"--tls-key", "f", "post", "x"});
  for (const char* empty : {"--tls-server-pin", "--ca", "--tls-cert", "--verify-name"}) {
    EXPECT_NE(complaint_about({empty, "", "exec", "ls"}).find("empty"), std::string::npos)
        << "an unset variable of a script";
  }
}

TEST(ClientCommandLine, ShellIsALoginOnATerminal) {
  const auto shell = command_of<ExecCommand>({"shell", "--env", "A=b"});
  EXPECT_EQ(shell.request.mode, ExecMode::kLogin);
  EXPECT_TRUE(shell.request.words.empty());
  EXPECT_TRUE(shell.terminal);
  EXPECT_EQ(shell.request.environment, std::vector<std::string>{"A=b"});
  EXPECT_NE(complaint_about({"shell", "ls"}), "");
  EXPECT_NE(complaint_about({"shell", "--", "ls"}), "");
  EXPECT_TRUE(parse({"shell", "ls"}).error().in_exec) << "its failures end with 255 as exec's do";
}

TEST(ClientCommandLine, ATerminalIsAskedForAndIsForOneHostAndNoJson) {
  EXPECT_TRUE(command_of<ExecCommand>({"exec", "-t", "top"}).terminal);
  EXPECT_FALSE(command_of<ExecCommand>({"exec", "top"}).terminal);
  EXPECT_EQ(command_of<ExecCommand>({"exec", "--", "top", "-t"}).terminal, false);
  EXPECT_NE(complaint_about({"-H", "a", "-H", "b", "exec", "-t", "top"}), "");
  EXPECT_NE(complaint_about({"--json", "exec", "-t", "top"}), "");
  EXPECT_NE(complaint_about({"-H", "a", "-H", "b", "shell"}), "");
}

TEST(ClientCommandLine, NoVerbIsThePrompt) {
  EXPECT_EQ(command_of<PromptCommand>({}).encoding, "");
  EXPECT_EQ(command_of<PromptCommand>({"--encoding", "GBK"}).encoding, "GBK");
  complaint_about({"--"});
  complaint_about({"--", "exec", "ls"});
  complaint_about({"bogus"});
  complaint_about({"post", "a", "--quiet", "--verbose"});
}

TEST(ClientCommandLine, KeepingGoingIsForScripts) {
  EXPECT_TRUE(command_of<PromptCommand>({"--keep-going"}).keep_going);
  EXPECT_FALSE(command_of<PromptCommand>({}).keep_going);
  complaint_about({"--keep-going", "exec", "ls"});
}

TEST(ClientCommandLine, ATargetThatIsEmptyIsNotTakenForNone) {
  complaint_about({"post", "a", "--to", ""});
  complaint_about({"get", "a", "--to", ""});
}

TEST(ClientCommandLine, QuietAndVerboseExcludeEachOther) {
  EXPECT_TRUE(options_of({"-q", "post", "a"}).quiet);
  EXPECT_TRUE(options_of({"post", "-q", "a"}).quiet);
  EXPECT_TRUE(options_of({"-v", "post", "a"}).verbose);
  complaint_about({"-q", "-v", "post", "a"});
}

TEST(ClientCommandLine, HelpAndVersionAreTexts) {
  EXPECT_NE(command_of<ShowText>({"--help"}).text.find("exec"), std::string::npos);
  EXPECT_NE(command_of<ShowText>({"exec", "--help"}).text.find("--status-fd"), std::string::npos);
  EXPECT_TRUE(command_of<ShowText>({"--version"}).text.starts_with("rclient "));
}

// The parser makes only the verbs whose names it meets.
TEST(ClientCommandLine, HelpListsEveryVerbWhateverElseIsOnTheLine) {
  const std::string all = command_of<ShowText>({"--help"}).text;
  for (const char* verb : {"exec", "shell", "post", "get", "sync", "ls", "verify", "pair", "hosts", "forget"}) {
    EXPECT_NE(all.find("\n  " + std::string(verb) + " "), std::string::npos) << verb;
  }
  EXPECT_EQ(command_of<ShowText>({"-H", "exec", "--help"}).text, all);
  EXPECT_EQ(command_of<ShowText>({"-qh"}).text, all);
}

TEST(ClientCommandLine, TheNameOfAVerbAmongTheWordsOfAnotherIsAWord) {
  EXPECT_EQ(command_of<LsCommand>({"ls", "get", "ls", "exec"}).paths, (std::vector<std::string>{"get", "ls", "exec"}));
  EXPECT_EQ(options_of({"-H", "post", "ls"}).host, "post");
}

TEST(ClientCommandLine, AVerbThatThereIsNotIsNamedAndNothingBehindIt) {
  EXPECT_NE(complaint_about({"-H", "h", "exce", "true"}).find("there is no verb 'exce';"), std::string::npos);
  EXPECT_EQ(complaint_about({"pari", "host:1", "SECRET"}).find("SECRET"), std::string::npos);
  EXPECT_NE(complaint_about({"--hots", "h", "exec", "true"}).find("there is no option '--hots';"), std::string::npos);
}

TEST(ClientCommandLine, WhatIsRepeatedFromTheCommandLineIsEscaped) {
  for (const auto& words : {std::vector<const char*>{"exec", "a\x1b[31m", "b"}, {"--bo\x1bgus"}, {"post", "-\x1b"}}) {
    EXPECT_EQ(complaint_about(words).find('\x1b'), std::string::npos);
  }
}

TEST(CommandLine, LsWithoutAPathIsForTheServedDirectory) {
  EXPECT_EQ(command_of<LsCommand>({"ls"}).paths, (std::vector<std::string>{"."}));
  const auto ls = command_of<LsCommand>({"ls", "-lR", "--hash", "a", "--", "-b"});
  EXPECT_EQ(ls.paths, (std::vector<std::string>{"a", "-b"}));
  EXPECT_TRUE(ls.long_form && ls.recursive && ls.hash && !ls.zero);
  EXPECT_TRUE(command_of<LsCommand>({"ls", "-0"}).zero);
  EXPECT_EQ(options_of({"ls", "--as", "bob"}).as, "bob");
  EXPECT_NE(complaint_about({"ls", "-x"}).find("'-x'"), std::string::npos);
  EXPECT_NE(complaint_about({"ls", ""}).find("empty"), std::string::npos);
  EXPECT_NE(complaint_about({"ls", "-0", "--json"}).find("--zero"), std::string::npos);
}

TEST(CommandLine, SyncGoesUpOrDownByTheColonAndSlashesAtTheEndMeanNothing) {
  const auto up = command_of<SyncCommand>({"sync", "here/", ":there//"});
  EXPECT_TRUE(up.up);
  EXPECT_EQ(up.source, "here");
  EXPECT_EQ(up.destination, "there");
  EXPECT_TRUE(up.options.job.delta);
  EXPECT_FALSE(up.options.job.delete_extra);
  EXPECT_EQ(up.options.job.sameness, Sameness::kByTimes);
  const auto down = command_of<SyncCommand>({"sync", ":", "/", "--delete", "--max-delete", "7", "--checksum"});
  EXPECT_FALSE(down.up);
  EXPECT_EQ(down.source, ".");
  EXPECT_EQ(down.destination, "/");
  EXPECT_TRUE(down.options.job.delete_extra);
  EXPECT_EQ(down.options.job.most_deleted, 7u);
  EXPECT_EQ(down.options.job.sameness, Sameness::kChecksum);
  EXPECT_EQ(command_of<SyncCommand>({"sync", ":a", "./:b"}).destination, "./:b");
}

TEST(CommandLine, SyncHasExactlyOneRemoteSide) {
  for (const auto& words : {std::vector<const char*>{"sync"},
                            {"sync", "a"},
                            {"sync", "a", "b"},
                            {"sync", ":a", ":b"},
                            {"sync", "a", ":b", "c"}}) {
    EXPECT_NE(complaint_about(words).find(":DST"), std::string::npos);
  }
  EXPECT_NE(complaint_about({"sync", "a", ":b", "--delete", "--max-delete", "0"}).find("--max-delete"),
            std::string::npos);
  EXPECT_NE(complaint_about({"sync", "a", ":b", "--max-delete", "1"}).find("--delete"), std::string::npos);
}

TEST(CommandLine, VerifyTakesOneSideHereAndOneWithAColonThereInEitherOrder) {
  for (const auto& words : {std::vector<const char*>{"verify", "here", ":there"}, {"verify", ":there", "here"}}) {
    const auto verify = command_of<VerifyCommand>(words);
    EXPECT_EQ(verify.local, "here");
    EXPECT_EQ(verify.remote, "there");
    EXPECT_FALSE(verify.modes);
  }
  EXPECT_EQ(command_of<VerifyCommand>({"verify", ".", ":", "--modes"}).remote, ".");
  EXPECT_EQ(command_of<VerifyCommand>({"verify", ":/abs", "./:x"}).local, "./:x");
  for (const auto& words : {std::vector<const char*>{"verify"},
                            {"verify", "a"},
                            {"verify", "a", "b"},
                            {"verify", ":a", ":b"},
                            {"verify", "a", ":b", "c"}}) {
    EXPECT_NE(complaint_about(words).find("verify LOCAL :REMOTE"), std::string::npos);
  }
}

}  // namespace
}  // namespace farhand
