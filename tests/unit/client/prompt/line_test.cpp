// Lines at the prompt: what they mean, and what is refused.
#include "client/prompt/line.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using Strings = std::vector<std::string>;

Homes homes() {
  return Homes{"/here", [] {
                 return Result<std::string>("/there");
               }};
}

template <class Line>
Line line_of(std::string_view text) {
  const auto parsed = parse_prompt_line(text, homes());
  const Line* line = parsed ? std::get_if<Line>(&*parsed) : nullptr;
  if (line != nullptr) return *line;
  ADD_FAILURE() << "'" << text << "' means something else: " << (parsed ? "" : parsed.error().error.message);
  return {};
}

template <class Command>
Command verb_of(std::string_view text) {
  const auto parsed = parse_prompt_line(text, homes());
  const auto* line = parsed ? std::get_if<VerbLine>(&*parsed) : nullptr;
  const auto* command = line != nullptr ? std::get_if<Command>(&line->parsed.command) : nullptr;
  if (command != nullptr) return *command;
  ADD_FAILURE() << "'" << text << "' means something else: " << (parsed ? "" : parsed.error().error.message);
  return {};
}

bool is_refused(std::string_view text) {
  const auto parsed = parse_prompt_line(text, homes());
  return !parsed && parsed.error().error.code == ErrorCode::kUsage;
}

TEST(PromptLine, EmptyLinesAndCommentsAreNothing) {
  for (const char* text : {"", " ", "\t", "  \t ", "# a comment", "  # it's one", "#"}) line_of<NothingLine>(text);
}

TEST(PromptLine, TheOwnWords) {
  for (const char* text : {"q", "exit", "quit", "q ", "exit\t"}) line_of<LeaveLine>(text);
  line_of<HelpLine>("help");
}

TEST(PromptLine, EverythingElseIsACommand) {
  for (const char* text : {"ls -l | wc", "exit 3", "helpme", "posting", "getent passwd", "echo 'post x'", "'", "a|b",
                           "executable", "cdrom", "environment", "shells", "echo # no comment", "pwd"}) {
    EXPECT_EQ(line_of<CommandLine>(text).text, text);
  }
  EXPECT_EQ(line_of<CommandLine>("ls  ").text, "ls");
}

TEST(PromptLine, ABlankInFrontMakesAnyLineACommand) {
  EXPECT_EQ(line_of<CommandLine>(" exit").text, "exit");
  EXPECT_EQ(line_of<CommandLine>("\tpost x").text, "post x");
  EXPECT_EQ(line_of<CommandLine>(" cd x").text, "cd x");
  EXPECT_EQ(line_of<CommandLine>(" !x").text, "!x");
  EXPECT_EQ(line_of<CommandLine>(" get").text, "get");
}

TEST(PromptLine, PostAndGetTakeFilesAndATarget) {
  const auto post = verb_of<PostCommand>("post a 'b c' --to d");
  EXPECT_EQ(post.files, (Strings{"a", "b c"}));
  EXPECT_EQ(post.to, "d");
  const auto get = verb_of<GetCommand>("get --to d a");
  EXPECT_EQ(get.paths, Strings{"a"});
  EXPECT_EQ(get.to, "d");
  EXPECT_EQ(verb_of<GetCommand>("get -- -a").paths, Strings{"-a"});
}

TEST(PromptLine, ATildeIsTheHomeOfTheSideThatItIsWrittenFor) {
  const auto post = verb_of<PostCommand>("post ~/a '~/b' \\~/c d~ --to ~/e");
  EXPECT_EQ(post.files, (Strings{"/here/a", "~/b", "~/c", "d~"}));
  EXPECT_EQ(post.to, "/there/e");
  const auto get = verb_of<GetCommand>("get ~/a ~ --to ~");
  EXPECT_EQ(get.paths, (Strings{"/there/a", "/there"}));
  EXPECT_EQ(get.to, "/here");
  EXPECT_EQ(verb_of<ExecCommand>("exec --stdin ~/x --cwd ~/y cat ~/z").input, "/here/x");
  EXPECT_EQ(verb_of<ExecCommand>("exec --stdin ~/x --cwd ~/y cat ~/z").request.directory, "/there/y");
  EXPECT_EQ(verb_of<ExecCommand>("exec --cwd ~/y cat ~/z").request.words, Strings{"cat ~/z"});
  EXPECT_EQ(line_of<LocalDirectoryLine>("lcd ~/x").directory, "/here/x");
}

TEST(PromptLine, AHomeThatIsNotToBeHadRefusesTheLineAndIsAskedForOnlyWhereItIsNeeded) {
  int asked = 0;
  const Homes none{"/here", [&]() -> Result<std::string> {
                     ++asked;
                     return fail(ErrorCode::kConnectionLost, "gone");
                   }};
  EXPECT_TRUE(parse_prompt_line("post ~/a", none));
  EXPECT_EQ(asked, 0);
  const auto parsed = parse_prompt_line("get ~/a", none);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().error.code, ErrorCode::kConnectionLost);
}

TEST(PromptLine, PostWithABarTakesTheRestAsOneName) {
  EXPECT_EQ(verb_of<PostCommand>("post|a b 'c").files, Strings{"a b 'c"});
  EXPECT_EQ(verb_of<PostCommand>("post| a ").files, Strings{"a"});
  EXPECT_TRUE(is_refused("post|"));
  EXPECT_TRUE(is_refused("post|  "));
}

TEST(PromptLine, VerbsThatAreWrittenWrongAreUsageErrorsAndNoCommands) {
  for (const char* text : {"post",
                           "get",
                           "post --to d",
                           "post a --to",
                           "post a --to ''",
                           "get 'a",
                           "post \"a",
                           "get --x",
                           "exec",
                           "exec --timeout soon ls",
                           "exec -t",
                           "exec --no-such ls",
                           "exec 'a",
                           "shell x",
                           "cd a b",
                           "cd 'a",
                           "env A=$B",
                           "env A=`b`",
                           "env A=$(b c)",
                           "cd $(a",
                           "env 'A=",
                           "unset",
                           "unset A-B",
                           "lcd a b",
                           "lcd ''",
                           "post -H x a",
                           "exec --as bob ls",
                           "get --as bob a"}) {
    EXPECT_TRUE(is_refused(text)) << text;
  }
}

TEST(PromptLine, ExecTakesItsOptionsAndTheRestOfTheLineAsItStands) {
  const auto exec = verb_of<ExecCommand>("exec --timeout 5s --env A=1 -t grep  'a b' $X | wc # it");
  EXPECT_EQ(exec.request.mode, ExecMode::kShell);
  EXPECT_EQ(exec.request.words, Strings{"grep  'a b' $X | wc # it"});
  EXPECT_EQ(exec.request.timeout, std::chrono::seconds(5));
  EXPECT_EQ(exec.request.environment, Strings{"A=1"});
  EXPECT_TRUE(exec.terminal);
  EXPECT_EQ(verb_of<ExecCommand>("exec \"ls -l | wc\"").request.words, Strings{"ls -l | wc"}) << "as on a command line";
}

TEST(PromptLine, ExecWithDashesTakesExactlyTheWords) {
  const auto exec = verb_of<ExecCommand>("exec --merge -- prog 'a b' '' $'c\\nd' --timeout $X | \"e\"");
  EXPECT_EQ(exec.request.mode, ExecMode::kArgv);
  EXPECT_EQ(exec.request.words, (Strings{"prog", "a b", "", "c\nd", "--timeout", "$X", "|", "e"}));
  EXPECT_TRUE(exec.request.merge);
}

TEST(PromptLine, TheHostThatTheEnvironmentNamesIsNotTheLines) {
  ::setenv("RCLIENT_HOST", "@group", 1);
  EXPECT_TRUE(verb_of<ExecCommand>("exec -t ls").terminal);
  EXPECT_EQ(verb_of<GetCommand>("get a").paths, Strings{"a"});
  ::unsetenv("RCLIENT_HOST");
}

TEST(PromptLine, CdGoesToTheShellAsItIsWritten) {
  EXPECT_EQ(line_of<DirectoryLine>("cd").text, "");
  EXPECT_EQ(line_of<DirectoryLine>("cd  'a b' ").text, "'a b'");
  EXPECT_EQ(line_of<DirectoryLine>("cd $HOME/x*").text, "$HOME/x*");
  EXPECT_EQ(line_of<DirectoryLine>("cd $(git rev-parse (x) a | b)/c").text, "$(git rev-parse (x) a | b)/c");
  EXPECT_EQ(line_of<DirectoryLine>("cd `a b`").text, "`a b`");
  EXPECT_EQ(line_of<DirectoryLine>("cd -").text, "-");
  EXPECT_EQ(line_of<DirectoryLine>("cd 'a;b'").text, "'a;b'");
}

TEST(PromptLine, WhatAShellWouldReadAsMoreThanACdIsACommand) {
  for (const char* text : {"cd a && make", "cd a; ls", "cd a | b", "cd $(b) && c", "(cd a)", "env A=1 make",
                           "env -i ls", "env | sort", "env A=1; ls", "unset A; ls", "env A=1 > x"}) {
    EXPECT_EQ(line_of<CommandLine>(text).text, text);
  }
}

TEST(PromptLine, EnvTakesAssignmentsAsTheyAreWritten) {
  EXPECT_EQ(line_of<VariablesLine>("env").entries, Strings{});
  EXPECT_EQ(line_of<VariablesLine>("env A=1 B='x $y' C= D=a\\ b E=\"\\$z\"").entries,
            (Strings{"A=1", "B=x $y", "C=", "D=a b", "E=$z"}));
  EXPECT_EQ(line_of<UnsetLine>("unset A B").names, (Strings{"A", "B"}));
  EXPECT_EQ(line_of<CommandLine>("env 1A=2").text, "env 1A=2");
}

TEST(PromptLine, ABangRunsHere) {
  EXPECT_EQ(line_of<LocalCommandLine>("!").text, "");
  EXPECT_EQ(line_of<LocalCommandLine>("! ls 'x").text, "ls 'x");
}

TEST(PromptLine, AZeroByteIsRefusedHoweverItIsWritten) {
  EXPECT_TRUE(is_refused(std::string_view("get a\0b", 7)));
  EXPECT_TRUE(is_refused(std::string_view("post|a\0b", 8)));
  EXPECT_TRUE(is_refused("get $'a\\x00b'"));
}

TEST(PromptLine, WhatIsSecretIsKnown) {
  for (const char* text : {" ls", "\tls", "", "env A=1", "env\tA=1", "env  A=1 B=2"}) {
    EXPECT_TRUE(is_private(text)) << text;
  }
  for (const char* text : {"ls", "env", "environment=x", "cd env"}) EXPECT_FALSE(is_private(text)) << text;
}

}  // namespace
}  // namespace farhand
