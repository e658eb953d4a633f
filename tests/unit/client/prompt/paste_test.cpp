// What is pasted, cut into lines.
#include "client/prompt/paste.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using Strings = std::vector<std::string>;

TEST(PromptPaste, LinesAndWhatIsBehindTheLast) {
  Paste paste;
  std::string_view bytes = "one\rtwo\nthree\r\n\rrest\x1b[201~typed";
  EXPECT_TRUE(paste.take(bytes));
  EXPECT_EQ(paste.lines(), (Strings{"one", "two", "three", ""}));
  EXPECT_EQ(paste.rest(), "rest");
  EXPECT_EQ(bytes, "typed") << "it is no part of the paste";
}

TEST(PromptPaste, AnythingComesInAnyPieces) {
  const std::string whole = "a\x1b[20\rb\x1b\xc3\xa4\r\x1b[201~z";
  for (std::size_t piece = 1; piece <= whole.size(); ++piece) {
    Paste paste;
    bool ended = false;
    std::string behind;
    for (std::size_t at = 0; at < whole.size(); at += piece) {
      std::string_view bytes = std::string_view(whole).substr(at, piece);
      if (ended) {
        behind += bytes;
        continue;
      }
      ended = paste.take(bytes);
      behind += bytes;
    }
    EXPECT_TRUE(ended) << piece;
    EXPECT_EQ(paste.lines(), (Strings{"a\x1b[20", "b\x1b\xc3\xa4"})) << piece;
    EXPECT_EQ(paste.rest(), "") << piece;
    EXPECT_EQ(behind, "z") << piece;
  }
}

TEST(PromptPaste, OneThatIsTooLongIsNotRunInPart) {
  Paste paste;
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < 9; ++i) {
    std::string_view bytes = block;
    EXPECT_FALSE(paste.take(bytes));
  }
  std::string_view end = "\rrm x\r\x1b[201~";
  EXPECT_TRUE(paste.take(end));
  EXPECT_TRUE(paste.too_long());
  EXPECT_EQ(paste.lines(), Strings{});
  EXPECT_EQ(paste.rest(), "");
}

}  // namespace
}  // namespace farhand
