// Several hosts: their lines, their ends, the table and the one status.
#include <gtest/gtest.h>

#include "client/host_end.h"
#include "client/line_prefix.h"

namespace farhand {
namespace {

using Kind = HostEnd::Kind;

std::string added(LinePrefix& lines, std::string_view text) {
  return lines.add(bytes_of(text));
}

TEST(LinePrefix, EachLineHasTheNameBeforeItHoweverItIsCut) {
  for (std::size_t cut = 0; cut <= 8; ++cut) {
    LinePrefix lines("a: ", false);
    const std::string text = "one\n\ntwo";
    std::string shown = added(lines, text.substr(0, cut));
    shown += added(lines, text.substr(cut));
    shown += lines.finish();
    EXPECT_EQ(shown, "a: one\na: \na: two\n") << cut;
  }
}

TEST(LinePrefix, ALineComesWhenItIsWhole) {
  LinePrefix lines("a: ", false);
  EXPECT_EQ(added(lines, "half"), "");
  EXPECT_EQ(added(lines, " and half\nmore"), "a: half and half\n");
  EXPECT_EQ(lines.finish(), "a: more\n");
  EXPECT_EQ(lines.finish(), "");
}

TEST(LinePrefix, ALineWithoutEndIsShownInPieces) {
  LinePrefix lines("", false);
  std::string shown;
  for (int i = 0; i < 3; ++i) shown += added(lines, std::string(kLongestShownLine / 2, 'x'));
  EXPECT_EQ(shown, std::string(kLongestShownLine, 'x') + "\n");
  EXPECT_EQ(lines.finish(), std::string(kLongestShownLine / 2, 'x') + "\n");
}

TEST(LinePrefix, BytesStayAsTheyCameUnlessTheyGoToATerminal) {
  const std::string bytes("\x1b[31m\xff\0\r", 9);
  LinePrefix raw("a: ", false);
  EXPECT_EQ(added(raw, bytes + "\n"), "a: " + bytes + "\n");
  LinePrefix shown("a: ", true);
  const std::string text = added(shown, bytes + "\tC:\\x\n");
  EXPECT_EQ(text.find_first_of("\x1b\xff\r"), std::string::npos);
  EXPECT_NE(text.find("\tC:\\x\n"), std::string::npos) << "tabs and backslashes do no harm: " << text;
}

TEST(LinePrefix, ALongLineIsNotCutOnATerminal) {
  EXPECT_EQ(lines_for_terminal(std::string(5000, 'x')), std::string(5000, 'x'));
}

ExecOutcome exited(int status) {
  ExecOutcome outcome;
  outcome.asked = true;
  outcome.exit = ExitReport{ExitKind::kExited, static_cast<std::uint8_t>(status), false, ErrorCode::kInternal, ""};
  return outcome;
}

ExecOutcome failed(ErrorCode code, bool remote) {
  ExecOutcome outcome;
  outcome.error = Error{code, "why", remote};
  return outcome;
}

TEST(HostEnd, EveryOutcomeHasItsWord) {
  EXPECT_EQ(host_end(exited(0)).kind, Kind::kOk);
  EXPECT_EQ(host_end(exited(255)).kind, Kind::kFailed);
  ExecOutcome late = exited(0);
  late.exit->timed_out = true;
  EXPECT_EQ(host_end(late).kind, Kind::kTimedOut);
  EXPECT_EQ(host_end(failed(ErrorCode::kCannotConnect, false)).kind, Kind::kUnreachable);
  EXPECT_EQ(host_end(failed(ErrorCode::kConnectionLost, false)).kind, Kind::kUnreachable);
  EXPECT_EQ(host_end(failed(ErrorCode::kRefused, true)).kind, Kind::kFailed);
}

TEST(HostEnd, ComesOutOfItsBytesAsItWentIn) {
  HostEnd end = host_end(exited(200));
  end.sentence = "a sentence";
  end.json = std::string("{\0}", 3);
  const auto told = decode_host_end(bytes_of(encode_host_end(end)));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->kind, end.kind);
  EXPECT_EQ(told->status, 200);
  EXPECT_TRUE(told->answered);
  EXPECT_EQ(told->sentence, end.sentence);
  EXPECT_EQ(told->json, end.json);
  EXPECT_EQ(told->record, "");
}

TEST(HostEnd, BytesThatAreNotWholeAreNone) {
  const std::string bytes = encode_host_end(host_end(failed(ErrorCode::kRefused, true)));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_host_end(bytes_of(bytes.substr(0, length)))) << length;
  }
  EXPECT_FALSE(decode_host_end(bytes_of(bytes + "x")));
}

TEST(SeveralHosts, TheStatusIsTheHighestUnlessOneHasNotAnswered) {
  const HostEnd fine = host_end(exited(0));
  const HostEnd away = host_end(failed(ErrorCode::kCannotConnect, false));
  EXPECT_EQ(status_of(std::vector<HostEnd>{}), 0);
  EXPECT_EQ(status_of({fine, fine}), 0);
  EXPECT_EQ(status_of({host_end(exited(3)), fine, host_end(exited(200)), host_end(exited(7))}), 200);
  EXPECT_EQ(status_of({host_end(exited(3)), away, fine}), 255);
  EXPECT_EQ(status_of({fine, host_end(failed(ErrorCode::kInterrupted, false))}), 255);
  EXPECT_EQ(status_of({fine, HostEnd{}}), 255) << "one that was not asked";
}

TEST(SeveralHosts, TheTableHasALineForEachAndCountsThem) {
  const std::vector<HostEnd> ends{host_end(exited(0)), host_end(exited(3)),
                                  host_end(failed(ErrorCode::kCannotConnect, false)), HostEnd{}};
  EXPECT_EQ(host_table({"a", "longer", "c\x1b", "d"}, ends),
            "  a       ok\n"
            "  longer  failed 3\n"
            "  c\\x1b   unreachable\n"
            "  d       not asked\n"
            "rclient: 4 hosts: 1 ok, 1 failed, 1 unreachable, 1 not asked\n");
}

}  // namespace
}  // namespace farhand
