// What of typed bytes is for rclient, and that everything else goes through as it is.
#include "client/terminal_escape.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

struct Typed {
  std::string sent;
  std::vector<Escape> escapes;
  bool operator==(const Typed&) const = default;
};

// The text in pieces of so many bytes, as reads may cut it.
Typed type(const std::string& text, std::size_t piece) {
  EscapeParser parser;
  Typed typed;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    Bytes bytes = bytes_of(std::string_view(text).substr(at, piece));
    while (!bytes.empty()) {
      const Escape escape = parser.take(bytes, typed.sent);
      if (escape != Escape::kNone) typed.escapes.push_back(escape);
    }
  }
  return typed;
}

void expect(const std::string& text, const std::string& sent, const std::vector<Escape>& escapes = {}) {
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    EXPECT_EQ(type(text, piece), (Typed{sent, escapes})) << text << " in pieces of " << piece;
  }
}

TEST(EscapeParser, EscapesAreHeardAtTheBeginningOfALine) {
  expect("~.", "", {Escape::kHangUp});
  expect("ls\r~.", "ls\r", {Escape::kHangUp});
  expect("ls\n~?", "ls\n", {Escape::kHelp});
  expect("\r~\x1a", "\r", {Escape::kSuspend});
}

TEST(EscapeParser, ALineBeginsAnewBehindAnEscape) {
  expect("~?~?~.", "", {Escape::kHelp, Escape::kHelp, Escape::kHangUp});
  expect("~\x1a~~", "~", {Escape::kSuspend});
}

TEST(EscapeParser, WithinALineATildeIsATilde) {
  expect("cd ~.", "cd ~.");
  expect(" ~.", " ~.");
  expect("a~?~\x1a", "a~?~\x1a");
}

TEST(EscapeParser, TwoTildesAreOneAndTheLineHasBegun) {
  expect("~~", "~");
  expect("~~.", "~.");
  expect("~~~.", "~~.");
}

TEST(EscapeParser, ATildeBeforeAnythingElseIsOrdinary) {
  expect("~x", "~x");
  expect("~x~.", "~x~.");
  expect("~\r~.", "~\r", {Escape::kHangUp});
  expect("~/bin\r", "~/bin\r");
}

TEST(EscapeParser, EveryOtherByteGoesThroughAsItIs) {
  std::string all = "x";
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  expect(all, all);
}

}  // namespace
}  // namespace farhand
