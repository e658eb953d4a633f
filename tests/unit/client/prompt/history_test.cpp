// The history's file: what is kept, for whom, and that it is never worth a failure.
#include "client/prompt/history.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "common/file_io.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Strings = std::vector<std::string>;

class PromptHistoryTest : public testing::Test {
 protected:
  Strings loaded() {
    PromptHistory history(directory());
    const auto lines = history.load();
    EXPECT_TRUE(lines) << (lines ? "" : lines.error().message);
    return lines ? *lines : Strings{};
  }
  std::string directory() { return place_ / "state/farhand"; }
  std::string file() { return directory() + "/prompt_history"; }
  void write(const std::string& text) {
    EXPECT_TRUE(PromptHistory(directory()).add("first")) << "it makes the directory";
    place_.make_file("state/farhand/prompt_history", text, 0600);
  }

  test::TemporaryDirectory place_;
};

TEST_F(PromptHistoryTest, WhatOnePromptKeepsTheNextOneFinds) {
  PromptHistory history(directory());
  EXPECT_EQ(*history.load(), Strings{});
  for (const char* line : {"ls", "cat 'a b'", "\xc3\xa4\xff"}) EXPECT_TRUE(history.add(line));
  EXPECT_EQ(loaded(), (Strings{"ls", "cat 'a b'", "\xc3\xa4\xff"}));
}

TEST_F(PromptHistoryTest, TheFileIsOfItsOwnerAlone) {
  const mode_t before = ::umask(0);
  EXPECT_TRUE(PromptHistory(directory()).add("ls"));
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat(directory().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(PromptHistoryTest, TheSameLineTwiceInARowAndWhatIsNoLineAreNotKept) {
  PromptHistory history(directory());
  for (const std::string& line :
       {std::string("a"), std::string("a"), std::string("b"), std::string("a"), std::string(), std::string("x\ny"),
        std::string("x\0y", 3), std::string(kLongestHistoryLine + 1, 'x')}) {
    EXPECT_TRUE(history.add(line));
  }
  EXPECT_EQ(loaded(), (Strings{"a", "b", "a"}));
}

TEST_F(PromptHistoryTest, HalfALineThatACrashHasLeftSpoilsNoOther) {
  write("one\ntwo, cut o");
  PromptHistory history(directory());
  EXPECT_EQ(history.load()->size(), 2U);
  EXPECT_TRUE(history.add("three"));
  EXPECT_EQ(loaded(), (Strings{"one", "two, cut o", "three"}));
}

TEST_F(PromptHistoryTest, APromptTakesTheLatestLinesOnly) {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "line " + std::to_string(i) + "\n";
  write(text);
  const Strings lines = loaded();
  ASSERT_EQ(lines.size(), kHistoryLines);
  EXPECT_EQ(lines.front(), "line 500");
  EXPECT_EQ(lines.back(), "line 1499");
}

TEST_F(PromptHistoryTest, TheFileIsBoundedAndKeepsTheLatest) {
  std::string text;
  for (int i = 0; text.size() < kMostHistoryBytes - 10; ++i) text += "line " + std::to_string(i) + "\n";
  write(text);
  PromptHistory history(directory());
  EXPECT_TRUE(history.add("the one that is too much"));
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_LE(static_cast<std::size_t>(status.st_size), kMostHistoryBytes / 2);
  EXPECT_GT(static_cast<std::size_t>(status.st_size), kMostHistoryBytes / 2 - 100);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(loaded().back(), "the one that is too much");
  EXPECT_TRUE(loaded().front().starts_with("line ")) << "whole lines stay";
}

// Four prompts at once, while the file is made shorter again and again: of what is left of each prompt nothing is
// missing between two lines, and each line is whole.
TEST_F(PromptHistoryTest, PromptsAtOnceLoseNothingOfEachOther) {
  constexpr int kEach = 150;
  const std::string padding(100, 'x');
  std::set<pid_t> children;
  for (int who = 0; who < 4; ++who) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      PromptHistory history(directory(), 8 << 10);
      bool good = true;
      for (int i = 0; i < kEach; ++i) {
        good = good && history.add("prompt " + std::to_string(who) + " line " + std::to_string(i) + padding);
      }
      ::_exit(good ? 0 : 1);
    }
    children.insert(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  std::array<int, 4> last{-1, -1, -1, -1};
  const Strings lines = loaded();
  EXPECT_GE(lines.size(), 30U);
  for (const std::string& line : lines) {
    int who = -1;
    int number = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "prompt %d line %d", &who, &number), 2) << line;
    EXPECT_TRUE(line.ends_with(padding)) << line;
    int& before = last.at(static_cast<std::size_t>(who));
    EXPECT_TRUE(before == -1 || number == before + 1) << line << " after " << before;
    before = number;
  }
}

TEST_F(PromptHistoryTest, AFileThatIsNotOursAloneIsNotUsedAndThatIsToldOnce) {
  write("one\n");
  ASSERT_EQ(::chmod(file().c_str(), 0644), 0);
  PromptHistory history(directory());
  EXPECT_FALSE(history.load());
  EXPECT_TRUE(history.add("two")) << "it has been told";
  EXPECT_EQ(*read_small_file(file(), 1000), "one\n");
}

TEST_F(PromptHistoryTest, ALinkIsNotFollowed) {
  place_.make_file("victim", "precious\n", 0600);
  write("");
  ASSERT_EQ(::unlink(file().c_str()), 0);
  ASSERT_EQ(::symlink((place_ / "victim").c_str(), file().c_str()), 0);
  EXPECT_FALSE(PromptHistory(directory()).load());
  EXPECT_FALSE(PromptHistory(directory()).add("x"));
  EXPECT_EQ(*read_small_file(place_ / "victim", 1000), "precious\n");
}

TEST_F(PromptHistoryTest, WhereNothingCanBeWrittenNothingIsKept) {
  place_.make_file("state", "in the way");
  PromptHistory history(directory());
  EXPECT_FALSE(history.load());
  EXPECT_TRUE(history.add("ls"));
}

}  // namespace
}  // namespace farhand
