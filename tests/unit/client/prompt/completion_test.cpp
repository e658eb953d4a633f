// Completion: what is begun in a line, and what comes of the names that there are.
#include "client/prompt/completion.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "client/prompt/local.h"
#include "client/prompt/text.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Want = CompletionTask::Want;
using Strings = std::vector<std::string>;

CompletionTask task(std::string_view line) {
  return completion_task(line, {"DEPLOY", "LANG"});
}

// The line that TAB makes of it, where there are these names; the choices, if it makes none.
std::string after_tab(const std::string& line, const Strings& names) {
  const Completion found = complete(task(line), Candidates{names, false});
  if (found.text) return line.substr(0, found.begin) + *found.text;
  std::string text = "?";
  for (const std::string& choice : found.choices) text += " " + choice;
  return text;
}

TEST(PromptCompletion, EachPlaceInALineWantsItsOwnKindOfName) {
  struct Case {
    const char* line;
    Want want;
    const char* prefix;
    Dialect dialect = Dialect::kPrompt;
  };
  const Case cases[] = {
      {"po", Want::kWords, "po"},
      {"", Want::kWords, ""},
      {"cat fi", Want::kRemote, "fi", Dialect::kShell},
      {"cat a;ls b|wc <fi", Want::kRemote, "fi", Dialect::kShell},
      {"./bin/to", Want::kRemote, "./bin/to", Dialect::kShell},
      {" post x", Want::kRemote, "x", Dialect::kShell},
      {"post a 'b c", Want::kLocal, "b c"},
      {"post a --to d", Want::kRemote, "d"},
      {"get a\\ b", Want::kRemote, "a b"},
      {"get a --to ", Want::kLocal, ""},
      {"get --", Want::kWords, "--"},
      {"get -- --", Want::kRemote, "--"},
      {"exec --ti", Want::kWords, "--ti"},
      {"exec --timeout ", Want::kNothing, ""},
      {"exec --timeout 5s ca", Want::kRemote, "ca", Dialect::kShell},
      {"exec -t --merge cat -x", Want::kRemote, "-x", Dialect::kShell},
      {"exec --cwd sr", Want::kRemoteDirectory, "sr"},
      {"exec --stdin in", Want::kLocal, "in"},
      {"exec -- cat $'a", Want::kRemote, "a"},
      {"cd sr", Want::kRemoteDirectory, "sr", Dialect::kShell},
      {"cd ", Want::kRemoteDirectory, "", Dialect::kShell},
      {"lcd sr", Want::kLocalDirectory, "sr"},
      {"!cat fi", Want::kLocal, "fi", Dialect::kShell},
      {"!fi", Want::kLocal, "fi", Dialect::kShell},
      {"unset D", Want::kWords, "D"},
      {"shell ", Want::kNothing, ""},
      {"cat $x/fi", Want::kNothing, "$x/fi", Dialect::kShell},
  };
  for (const Case& each : cases) {
    const CompletionTask found = task(each.line);
    EXPECT_EQ(found.want, each.want) << each.line;
    EXPECT_EQ(found.prefix, each.prefix) << each.line;
    if (found.want == Want::kNothing || found.want == Want::kWords) continue;
    EXPECT_EQ(found.dialect, each.dialect) << each.line;
  }
}

TEST(PromptCompletion, VerbsOptionsAndVariablesAreOffered) {
  const auto offers = [](std::string_view line, const std::string& word) {
    const Strings words = task(line).words;
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  for (const char* verb : {"exec", "post", "get", "shell", "cd", "env", "unset", "lcd", "help", "quit"}) {
    EXPECT_TRUE(offers("", verb)) << verb;
  }
  for (const char* option : {"--timeout", "--cwd", "--env", "--terminal", "-t"}) EXPECT_TRUE(offers("exec -", option));
  EXPECT_TRUE(offers("post -", "--to"));
  EXPECT_FALSE(offers("post -", "--timeout"));
  EXPECT_FALSE(offers("post -", "--as")) << "a session has one user from its beginning";
  EXPECT_TRUE(offers("unset ", "DEPLOY"));
}

TEST(PromptCompletion, TheOneNameTakesTheWordsPlace) {
  EXPECT_EQ(after_tab("get fi", {"file"}), "get file ");
  EXPECT_EQ(after_tab("get 'my d", {"my dir/"}), "get my\\ dir/") << "and the next TAB goes on";
  EXPECT_EQ(after_tab("cat <fi", {"file;x"}), "cat <file\\;x ");
  EXPECT_EQ(after_tab("exec --timeout 5s cat o", {"o n e"}), "exec --timeout 5s cat o\\ n\\ e ");
  EXPECT_EQ(after_tab("get we", {"we\x1b[2J\nird"}), R"(get $'we\x1b[2J\nird' )");
  EXPECT_EQ(after_tab("get ~/s", {"~/s rc/"}), "get ~/s\\ rc/");
  EXPECT_EQ(after_tab("get ~/", {"~/~"}), "get ~/\\~ ");
  EXPECT_EQ(after_tab("get ", {"-rf"}), "get ./-rf ") << "it is no option";
  EXPECT_EQ(after_tab("exec --ti", {"--timeout"}), "exec --timeout ");
}

TEST(PromptCompletion, OfSeveralWhatTheyShareIsPutIn) {
  EXPECT_EQ(after_tab("get f", {"fo o1", "fo o2"}), "get fo\\ o");
  EXPECT_EQ(after_tab("get fo\\ o", {"fo o1", "fo o2"}), "? fo o1 fo o2");
  EXPECT_EQ(after_tab("get a", {"a\xc3\xa4", "a\xc3\xb6"}), "? a\xc3\xa4 a\xc3\xb6") << "no half of a character";
  EXPECT_EQ(after_tab("get d/", {"d/a", "d/b/"}), "? a b/") << "the choices without their directory";
  EXPECT_EQ(after_tab("get x", {}), "?");
}

TEST(PromptCompletion, MoreNamesThanAreKnownShareNothing) {
  const Completion found = complete(task("get f"), Candidates{{"foo1", "foo2"}, true});
  EXPECT_FALSE(found.text);
  EXPECT_FALSE(complete(task("get f"), Candidates{{"foo1"}, true}).text);
}

TEST(PromptCompletion, NamesOfThePeerAreShownEscaped) {
  const Completion found = complete(task("cat "), Candidates{{"a\x1b]0;x\x07", "b\n\xe2\x80\xae"}, false});
  EXPECT_EQ(found.choices, (Strings{"a\\x1b]0;x\\x07", "b\\n\\xe2\\x80\\xae"}));
}

TEST(PromptCompletion, AShellIsGivenNoNameThatItCannotBeTold) {
  EXPECT_EQ(after_tab("cat we", {"we\nird"}), "? we\\nird");
  EXPECT_EQ(after_tab("exec -- cat we", {"we\nird"}), R"(exec -- cat $'we\nird' )");
}

TEST(PromptCompletion, ChoicesStandInColumnsAndNotWithoutEnd) {
  EXPECT_EQ(in_columns({"a", "bb", "c"}, 8), "a   c\nbb\n");
  EXPECT_EQ(in_columns({"a", "b"}, 1), "a\nb\n");
  const std::string many = in_columns(Strings(1000, "name"), 80);
  EXPECT_EQ(std::count(many.begin(), many.end(), 'm'), static_cast<std::ptrdiff_t>(kMostChoices) + 1);
  EXPECT_NE(many.find("... and 900 more\n"), std::string::npos);
}

TEST(PromptCompletion, NamesHereAreThoseThatBeginSo) {
  const test::TemporaryDirectory place;
  for (const char* name : {"file", "fi le", ".hidden", "other"}) place.make_file(name, "");
  place.make_directory("fields");
  place.make_link("finger", place.path());
  const auto names = [&](const std::string& prefix, bool directories) {
    return local_names(place / prefix, false, "", directories).names;
  };
  EXPECT_EQ(names("fi", false), (Strings{place / "fi le", place / "fields/", place / "file", place / "finger/"}));
  EXPECT_EQ(names("fi", true), (Strings{place / "fields/", place / "finger/"}));
  EXPECT_EQ(names(".", false), Strings{place / ".hidden"});
  EXPECT_EQ(names("", false).size(), 5U);
  EXPECT_EQ(local_names("~/oth", true, place.path(), false).names, Strings{"~/other"});
  EXPECT_EQ(local_names("~/oth", false, place.path(), false).names, Strings{}) << "a directory that is called ~";
}

TEST(PromptText, ItShowsHostDirectoryAndHowTheLastLineWent) {
  EXPECT_EQ(prompt_text("web1", "", "", {}), "web1> ");
  EXPECT_EQ(prompt_text("web1", "/home/ann/src", "/home/ann", line_end(3)), "web1:~/src [3]> ");
  EXPECT_EQ(prompt_text("web1", "/home/ann", "/home/ann", {}), "web1:~> ");
  EXPECT_EQ(prompt_text("web1", "/home/anna", "/home/ann", {}), "web1:/home/anna> ");
  EXPECT_EQ(prompt_text("web1", "/a\x1b[2J\nb", "", {}), "web1:/a\\x1b[2J\\nb> ");
  EXPECT_EQ(prompt_text("w", "/" + std::string(30, 'a') + "/" + std::string(20, 'b') + "/c", "", {}),
            "w:.../" + std::string(20, 'b') + "/c> ");
  EXPECT_EQ(prompt_text("w", "/a/" + std::string(60, 'b'), "", {}), "w:.../" + std::string(60, 'b') + "> ");
}

TEST(PromptText, SignalsAndTimeoutsHaveTheirNames) {
  ExecOutcome outcome;
  outcome.exit = ExitReport{};
  EXPECT_EQ(line_end(outcome).mark, "");
  outcome.exit->kind = ExitKind::kSignalled;
  outcome.exit->value = 9;
  EXPECT_EQ(line_end(outcome).mark, "SIGKILL");
  EXPECT_EQ(line_end(outcome).status, 137);
  outcome.exit->value = 127;
  EXPECT_EQ(line_end(outcome).mark, "signal 127");
  outcome.exit->timed_out = true;
  EXPECT_EQ(line_end(outcome).mark, "timed out");
  EXPECT_EQ(line_end(outcome).status, 124);
}

}  // namespace
}  // namespace farhand
