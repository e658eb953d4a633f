// FileList: which names a list gives, and which lists are refused.
#include "client/file_list.h"

#include <gtest/gtest.h>

#include <vector>

#include "protocol/limits.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Separator = FileList::Separator;
using Names = std::vector<std::string>;

// All names, or the refusal. The text arrives `piece` bytes at a time.
Result<Names> names_in(std::string_view text, Separator separator = Separator::kNewline, std::size_t piece = 1 << 20) {
  FileList list("list", separator);
  Names names;
  for (;;) {
    TRY_ASSIGN(auto name, list.next());
    if (name) {
      names.push_back(std::move(*name));
    } else if (list.ended()) {
      return names;
    } else if (text.empty()) {
      list.end();
    } else {
      list.feed(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
    }
  }
}

std::string refusal_of(std::string_view text, Separator separator = Separator::kNewline) {
  const auto names = names_in(text, separator);
  if (names) return "it was taken";
  EXPECT_EQ(names.error().code, ErrorCode::kUsage);
  return names.error().message;
}

TEST(FileList, ALineIsAName) {
  EXPECT_EQ(names_in("a\nb/c\n"), (Names{"a", "b/c"}));
  EXPECT_EQ(names_in("a\nb/c"), (Names{"a", "b/c"}));
  EXPECT_EQ(names_in("\n\na\n\n\nb\n\n"), (Names{"a", "b"}));
  EXPECT_EQ(names_in(""), Names{});
  EXPECT_EQ(names_in("\n"), Names{});
}

TEST(FileList, EveryByteOfALineBelongsToTheName) {
  EXPECT_EQ(names_in("a\r\n#b\n c \n'd'\n\xff\t\n~\n-rf\n..a\n...\n"),
            (Names{"a\r", "#b", " c ", "'d'", "\xff\t", "~", "-rf", "..a", "..."}));
}

TEST(FileList, WithZeroBytesNewlinesBelongToNames) {
  using namespace std::string_view_literals;
  EXPECT_EQ(names_in("a\nb\0\0c\0"sv, Separator::kZero), (Names{"a\nb", "c"}));
  EXPECT_EQ(names_in("a\0\n"sv, Separator::kZero), (Names{"a", "\n"}));
}

TEST(FileList, TheOutputOfFindIsTaken) {
  EXPECT_EQ(names_in(".\n./a\n./a/b\n"), (Names{".", "a", "a/b"}));
  EXPECT_EQ(names_in("a//b/\n./\na/./b\n././/.\n"), (Names{"a/b", ".", "a/b", "."}));
}

TEST(FileList, ThePiecesInWhichItArrivesChangeNothing) {
  const std::string text = "a\n\nbc/./d\r\n" + std::string(300, 'e') + "\n\nf";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    EXPECT_EQ(names_in(text, Separator::kNewline, piece), (Names{"a", "bc/d\r", std::string(300, 'e'), "f"})) << piece;
  }
}

TEST(FileList, AnAbsoluteNameIsRefused) {
  EXPECT_EQ(refusal_of("a\n\n/etc/\x1b[2J\n"),
            "line 3 of 'list' is an absolute name, '/etc/\\x1b[2J'; a list's names are relative");
}

TEST(FileList, ANameThatLeadsUpwardsIsRefused) {
  for (const char* const name : {"..", "../a", "a/..", "a/../b", "./..", "a//..//"}) {
    EXPECT_EQ(refusal_of(name),
              "line 1 of 'list' leads upwards with a '..'; a list's names lie below where it counts from")
        << name;
  }
}

TEST(FileList, AZeroByteInALineIsRefused) {
  EXPECT_EQ(refusal_of(std::string_view("a\0b\0", 4)),
            "line 1 of 'list' holds a zero byte; if the names are separated by these, say --from0");
}

TEST(FileList, ANameOfTheGreatestLengthIsTaken) {
  const std::string name(kMaxFrameNameBytes, 'a');
  EXPECT_EQ(names_in(name + "\n" + name), (Names{name, name}));
}

TEST(FileList, ALongerOneIsRefusedBeforeItHasArrived) {
  const std::string name(kMaxFrameNameBytes + 1, 'a');
  const std::string sentence = " of 'list' is longer than 4096 bytes, which no name is";
  EXPECT_EQ(refusal_of("a\n" + name + "\nb\n"), "line 2" + sentence);
  EXPECT_EQ(refusal_of("a\n" + name), "line 2" + sentence);
  EXPECT_EQ(refusal_of("a\n" + name, Separator::kZero), "name 1" + sentence);
  FileList list("list", Separator::kNewline);
  list.feed(name);
  EXPECT_FALSE(list.next());
}

TEST(FileList, IsReadFromAFile) {
  const test::TemporaryDirectory directory;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "name" + std::to_string(i) + "\n";  // more than is read at once
  directory.make_file("list", text);
  const auto fd = open_file_list(directory / "list");
  ASSERT_TRUE(fd);
  FileList list(directory / "list", Separator::kNewline);
  int names = 0;
  while (!list.ended()) {
    ASSERT_TRUE(list.feed_from(fd->get()));
    while (const auto name = list.next().value()) EXPECT_EQ(*name, "name" + std::to_string(names++));
  }
  EXPECT_EQ(names, 20'000);
}

TEST(FileList, AFileThatCannotBeReadIsNamed) {
  const auto none = open_file_list("/nonexistent/list");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "the list of names, '/nonexistent/list', cannot be read: No such file or directory");
  const auto directory = open_file_list("/");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kIsDirectory);
  EXPECT_FALSE(FileList("-", Separator::kNewline).feed_from(-1));
}

}  // namespace
}  // namespace farhand
