// The table of frames, and the conversation that applies it: every kind, in every state, from both sides.
#include "protocol/conversation.h"

#include <gtest/gtest.h>

#include <sstream>

#include "protocol/limits.h"

namespace farhand {
namespace {

using enum FrameKind;

std::string name_for(NameRule rule) {
  switch (rule) {
    case NameRule::kEmpty:
      return "";
    case NameRule::kPath:
      return "notes.txt";
    case NameRule::kOffset:
      return "262144";
    case NameRule::kToken:
      return "t1";
    case NameRule::kUser:
      return "www-data";
  }
  return "";
}

// The plainest frame of a kind. Kinds that a side never sends are tried with no name.
FrameHeader frame_of(Side from, FrameKind kind, std::uint64_t size = 0) {
  const FrameRule* rule = find_rule(from, kind);
  return {kind, size, rule != nullptr ? name_for(rule->name) : ""};
}

void say(Conversation& conversation, Side from, FrameKind kind, std::uint64_t size = 0) {
  const auto admitted = conversation.admit(from, frame_of(from, kind, size));
  ASSERT_TRUE(admitted) << admitted.error().message;
}

struct Step {
  Side from;
  FrameKind kind;
};

constexpr Side kC = Side::kClient;
constexpr Side kS = Side::kServer;

// Legal frames that lead each side into each state; empty for a state that a side does not know.
struct Way {
  Side side;
  State state;
  std::vector<Step> steps;
};

const std::vector<Way>& ways() {
  static const std::vector<Way> all{
      {kC, State::kGreeting, {}},
      {kC, State::kIdle, {{kC, kHello}}},
      {kC, State::kExec, {{kC, kHello}, {kC, kExec}}},
      {kC, State::kOffered, {{kC, kHello}, {kC, kOffer}}},
      {kC, State::kFile, {{kC, kHello}, {kC, kPost}}},
      {kC, State::kPush, {{kC, kHello}, {kC, kPush}}},
      {kC, State::kPull, {{kC, kHello}, {kC, kPull}}},
      {kC, State::kEnded, {{kC, kHello}, {kC, kBye}}},
      {kC, State::kEnded, {{kC, kPair}}},
      {kS, State::kGreeting, {{kC, kHello}}},
      {kS, State::kIdle, {{kC, kHello}, {kS, kHello}}},
      {kS, State::kExec, {{kC, kHello}, {kS, kHello}, {kC, kExec}}},
      {kS, State::kPost, {{kC, kHello}, {kS, kHello}, {kC, kPost}, {kC, kSeal}}},
      {kS, State::kGet, {{kC, kHello}, {kS, kHello}, {kC, kGet}}},
      {kS, State::kOffered, {{kC, kHello}, {kS, kHello}, {kC, kGet}, {kS, kOffer}}},
      {kS, State::kFile, {{kC, kHello}, {kS, kHello}, {kC, kGet}, {kS, kPost}}},
      {kS, State::kPush, {{kC, kHello}, {kS, kHello}, {kC, kPush}, {kC, kFinish}}},
      {kS, State::kPull, {{kC, kHello}, {kS, kHello}, {kC, kPull}}},
      {kS, State::kList, {{kC, kHello}, {kS, kHello}, {kC, kList}}},
      {kS, State::kPairing, {{kC, kPair}}},
      {kS, State::kEnded, {{kC, kHello}, {kS, kHello}, {kS, kBye}}},
      {kS, State::kEnded, {{kC, kPair}, {kS, kPaired}}},
  };
  return all;
}

Conversation brought_to(const Way& way) {
  Conversation conversation;
  for (const Step& step : way.steps) say(conversation, step.from, step.kind);
  EXPECT_EQ(conversation.state(way.side), way.state);
  return conversation;
}

struct Position {
  State client;
  State server;
  std::size_t due;
  bool operator==(const Position&) const = default;
};

Position position_of(const Conversation& conversation) {
  return {conversation.state(kC), conversation.state(kS), conversation.due()};
}

std::string shown(const Way& way, FrameKind kind) {
  return std::string(kind_name(kind)) + " from the " + (way.side == kC ? "client" : "server") + " in the state " +
         std::string(state_name(way.state));
}

// protocol/README.md's table, written down a second time: side, kind, states, parcel, name, limit.
constexpr const char* kTable = R"(
client hello : greeting ; structure user 4096
client exec : idle ; structure empty 4194304
client stdin : exec ; bytes empty 1048576
client signal : idle exec ; nothing token 0
client resize : idle exec ; structure empty 4096
client offer : idle ; structure empty 262144
client post : idle offered ; bytes path 1048576
client data : file ; bytes offset 1048576
client seal : file ; structure empty 262144
client get : idle ; nothing path 0
client push : idle ; structure empty 4194304
client pull : idle ; structure empty 4194304
client list : idle ; structure empty 4194304
client stripe : idle ; structure empty 262144
client slice : idle ; structure empty 262144
client entries : push ; structure empty 262144
client part : push ; bytes offset 1048576
client packed : push ; structure offset 266240
client copy : push ; structure offset 4096
client close : push ; structure empty 262144
client verdicts : pull ; structure empty 262144
client signature : pull ; structure empty 262144
client stored : pull ; nothing offset 0
client trouble : push pull ; structure empty 262144
client finish : push pull ; structure empty 262144
client pair : greeting ; structure empty 4096
client error : greeting idle exec post get offered file push pull list pairing ; structure empty 4096
client ping : idle exec post get offered file push pull list ; nothing token 0
client pong : idle exec post get offered file push pull list ; nothing token 0
client pause : idle exec post get offered file push pull list ; nothing empty 0
client bye : greeting idle exec post get offered file push pull list pairing ; nothing empty 0
server hello : greeting ; structure empty 4096
server taken : exec ; nothing offset 0
server stdout : exec ; bytes empty 1048576
server stderr : exec ; bytes empty 1048576
server exit : exec ; structure empty 262144
server done : post ; structure empty 262144
server offer : get ; structure empty 262144
server post : get offered ; bytes path 1048576
server data : file ; bytes offset 1048576
server seal : file ; structure empty 262144
server entries : pull list ; structure empty 262144
server part : pull ; bytes offset 1048576
server packed : pull ; structure offset 266240
server copy : pull ; structure offset 4096
server close : pull ; structure empty 262144
server verdicts : push ; structure empty 262144
server signature : push ; structure empty 262144
server stored : push ; nothing offset 0
server trouble : push pull list ; structure empty 262144
server finish : push pull list ; structure empty 262144
server paired : pairing ; structure empty 4096
server error : greeting idle exec post get offered file push pull list pairing ; structure empty 4096
server ping : idle exec post get offered file push pull list ; nothing token 0
server pong : idle exec post get offered file push pull list ; nothing token 0
server bye : greeting idle exec post get offered file push pull list pairing ; nothing empty 0
)";

std::string as_table_line(const FrameRule& rule) {
  constexpr const char* kParcels[] = {"nothing", "bytes", "structure"};
  constexpr const char* kNames[] = {"empty", "path", "offset", "token", "user"};
  std::ostringstream line;
  line << (rule.from == kC ? "client " : "server ") << kind_name(rule.kind) << " :";
  for (std::size_t i = 0; i < kStates; ++i) {
    if ((rule.states & state_bit(static_cast<State>(i))) != 0) line << ' ' << state_name(static_cast<State>(i));
  }
  line << " ; " << kParcels[static_cast<std::size_t>(rule.parcel)] << ' ' << kNames[static_cast<std::size_t>(rule.name)]
       << ' ' << rule.limit << '\n';
  return line.str();
}

TEST(FrameTable, IsTheOneThatIsWrittenDownHere) {
  std::string table = "\n";
  for (const FrameRule& rule : frame_rules()) table += as_table_line(rule);
  EXPECT_EQ(table, kTable);
}

TEST(FrameTable, NamesAreThereAndBack) {
  for (std::size_t i = 0; i < kFrameKinds; ++i) {
    const auto kind = static_cast<FrameKind>(i);
    EXPECT_EQ(kind_from_name(kind_name(kind)), kind);
    EXPECT_LE(kind_name(kind).size(), kMaxKindBytes);
  }
  EXPECT_FALSE(kind_from_name(""));
  EXPECT_FALSE(kind_from_name("Hello"));
  EXPECT_FALSE(kind_from_name("hello "));
}

TEST(FrameTable, EachKindHasAtMostOneRowASide) {
  for (const FrameRule& rule : frame_rules()) EXPECT_EQ(find_rule(rule.from, rule.kind), &rule);
}

TEST(Conversation, EveryKindInEveryStateFromBothSidesFollowsTheTable) {
  for (const Way& way : ways()) {
    for (std::size_t i = 0; i < kFrameKinds; ++i) {
      const auto kind = static_cast<FrameKind>(i);
      const FrameRule* rule = find_rule(way.side, kind);
      const bool permitted = rule != nullptr && (rule->states & state_bit(way.state)) != 0;
      Conversation conversation = brought_to(way);
      const Position before = position_of(conversation);
      EXPECT_EQ(conversation.permits(way.side, kind), permitted) << shown(way, kind);
      const auto admitted = conversation.admit(way.side, frame_of(way.side, kind, kind == kStdin ? 1 : 0));
      EXPECT_EQ(admitted.has_value(), permitted) << shown(way, kind);
      if (admitted) continue;
      EXPECT_EQ(admitted.error().code, ErrorCode::kProtocol);
      EXPECT_TRUE(position_of(conversation) == before) << shown(way, kind);
    }
  }
}

TEST(Conversation, EveryLegalFrameLeadsWhereTheTableSays) {
  for (const Way& way : ways()) {
    for (const FrameRule& rule : frame_rules()) {
      if (rule.from != way.side || (rule.states & state_bit(way.state)) == 0) continue;
      if (rule.kind == kError && rule.from == kS) continue;  // its own tests follow
      Conversation conversation = brought_to(way);
      say(conversation, way.side, rule.kind, rule.kind == kStdin ? 1 : 0);
      EXPECT_EQ(conversation.state(way.side), rule.stays ? way.state : rule.next) << shown(way, rule.kind);
    }
  }
}

TEST(Conversation, EveryLimitIsExact) {
  for (const FrameRule& rule : frame_rules()) {
    const FrameHeader most{rule.kind, rule.limit, name_for(rule.name)};
    EXPECT_TRUE(check_header(rule, most)) << kind_name(rule.kind);
    for (const std::uint64_t size : {rule.limit + 1, kMaxFrameSize}) {
      const auto checked = check_header(rule, FrameHeader{rule.kind, size, name_for(rule.name)});
      ASSERT_FALSE(checked) << kind_name(rule.kind) << ' ' << size;
      EXPECT_EQ(checked.error().code, ErrorCode::kLimit);
    }
  }
}

TEST(Conversation, AFrameOverItsLimitMovesNothing) {
  for (const Way& way : ways()) {
    for (const FrameRule& rule : frame_rules()) {
      if (rule.from != way.side || (rule.states & state_bit(way.state)) == 0) continue;
      Conversation conversation = brought_to(way);
      const Position before = position_of(conversation);
      const auto admitted = conversation.admit(way.side, frame_of(way.side, rule.kind, rule.limit + 1));
      ASSERT_FALSE(admitted) << shown(way, rule.kind);
      EXPECT_TRUE(position_of(conversation) == before) << shown(way, rule.kind);
    }
  }
}

TEST(Conversation, NamesFollowTheirRule) {
  const auto accepts = [](NameRule rule, const std::string& name) {
    for (const FrameRule& row : frame_rules()) {
      if (row.name == rule) return check_header(row, FrameHeader{row.kind, 0, name}).has_value();
    }
    ADD_FAILURE() << "no row has that rule";
    return false;
  };
  EXPECT_TRUE(accepts(NameRule::kEmpty, ""));
  EXPECT_FALSE(accepts(NameRule::kEmpty, "x"));
  EXPECT_TRUE(accepts(NameRule::kPath, "x"));
  EXPECT_TRUE(accepts(NameRule::kPath, std::string(kMaxFrameNameBytes, 'x')));
  EXPECT_FALSE(accepts(NameRule::kPath, ""));
  EXPECT_TRUE(accepts(NameRule::kOffset, "0"));
  EXPECT_TRUE(accepts(NameRule::kOffset, "9223372036854775807"));
  for (const char* name : {"", "x", "01", "-1", "+1", "1 ", "9223372036854775808"}) {
    EXPECT_FALSE(accepts(NameRule::kOffset, name)) << name;
  }
  EXPECT_TRUE(accepts(NameRule::kToken, ""));
  EXPECT_TRUE(accepts(NameRule::kToken, std::string(64, 't')));
  EXPECT_FALSE(accepts(NameRule::kToken, std::string(65, 't')));
  EXPECT_TRUE(accepts(NameRule::kUser, ""));
  EXPECT_TRUE(accepts(NameRule::kUser, std::string(255, 'u')));
  for (const std::string& name : {std::string(256, 'u'), std::string("a\nb"), std::string("-u"), std::string("a b")}) {
    EXPECT_FALSE(accepts(NameRule::kUser, name)) << name;
  }
}

TEST(Conversation, AnEmptyStdinEndsTheInputAndAnotherIsRefused) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kC, kExec);
  say(conversation, kC, kStdin, 5);
  EXPECT_EQ(conversation.state(kC), State::kExec);
  say(conversation, kC, kStdin, 0);
  EXPECT_EQ(conversation.state(kC), State::kIdle);
  EXPECT_FALSE(conversation.admit(kC, frame_of(kC, kStdin, 0)));
  EXPECT_FALSE(conversation.admit(kC, frame_of(kC, kStdin, 1)));
}

TEST(Conversation, AnErrorOfTheServerTakesThePlaceOfTheAnswerThatIsDue) {
  for (const FrameKind request : {kExec, kPost, kGet}) {
    Conversation conversation;
    say(conversation, kC, kHello);
    say(conversation, kS, kHello);
    say(conversation, kC, request);
    say(conversation, kS, kError);
    EXPECT_EQ(conversation.state(kS), State::kIdle) << kind_name(request);
    EXPECT_EQ(conversation.due(), 0u);
  }
}

TEST(Conversation, AnErrorOfTheServerInTheMiddleOfAFileEndsThatAnswerOnly) {
  for (const FrameKind last : {kOffer, kPost}) {
    Conversation conversation;
    say(conversation, kC, kHello);
    say(conversation, kS, kHello);
    say(conversation, kC, kGet);
    say(conversation, kC, kGet);
    say(conversation, kS, last);
    say(conversation, kS, kError);
    EXPECT_EQ(conversation.state(kS), State::kGet) << "the second answer is due";
    EXPECT_EQ(conversation.due(), 1u);
  }
}

TEST(Conversation, AnErrorOfTheServerWithNothingDueEndsItsSide) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kS, kHello);
  say(conversation, kS, kError);
  EXPECT_EQ(conversation.state(kS), State::kEnded);
}

TEST(Conversation, AnErrorInsteadOfAHelloEndsTheServersSideAlthoughAnswersAreDue) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kC, kExec);
  say(conversation, kS, kError);
  EXPECT_EQ(conversation.state(kS), State::kEnded);
}

TEST(Conversation, APairingIsAnsweredByPairedOrAnErrorAndNothingElse) {
  for (const FrameKind answer : {kPaired, kError}) {
    Conversation conversation;
    say(conversation, kC, kPair);
    EXPECT_EQ(conversation.state(kC), State::kEnded) << "no request may follow";
    EXPECT_EQ(conversation.due(), 0u);
    for (const FrameKind other : {kHello, kStdout, kExit, kDone, kPost, kOffer, kPing}) {
      EXPECT_FALSE(conversation.permits(kS, other)) << kind_name(other);
    }
    say(conversation, kS, answer);
    EXPECT_EQ(conversation.state(kS), State::kEnded);
  }
}

TEST(Conversation, AHelloIsNeverAnsweredByPairedAndAPairingNeverFollowsOne) {
  Conversation conversation;
  say(conversation, kC, kHello);
  EXPECT_FALSE(conversation.permits(kS, kPaired));
  EXPECT_FALSE(conversation.permits(kC, kPair));
  say(conversation, kS, kHello);
  EXPECT_FALSE(conversation.permits(kS, kPaired));
}

TEST(Conversation, APairingToAServerThatHasGreetedAlreadyIsNotAnswered) {
  Conversation conversation;
  say(conversation, kS, kHello);
  say(conversation, kC, kPair);
  EXPECT_FALSE(conversation.permits(kS, kPaired));
  EXPECT_TRUE(conversation.permits(kS, kError));
}

TEST(Conversation, AServersFinishOfAnUploadComesAfterTheClients) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kS, kHello);
  say(conversation, kC, kPush);
  say(conversation, kS, kVerdicts);
  EXPECT_FALSE(conversation.permits(kS, kFinish));
  say(conversation, kC, kFinish);
  say(conversation, kS, kStored);
  say(conversation, kS, kFinish);
  EXPECT_EQ(conversation.due(), 0u);
}

TEST(Conversation, ARefusedJobIsStillTheClientsToEnd) {
  for (const FrameKind request : {kPush, kPull, kStripe, kSlice}) {
    Conversation conversation;
    say(conversation, kC, kHello);
    say(conversation, kS, kHello);
    say(conversation, kC, request);
    say(conversation, kS, kError);
    EXPECT_FALSE(conversation.permits(kC, kExec)) << kind_name(request);
    say(conversation, kC, kFinish);
    EXPECT_TRUE(conversation.permits(kC, kExec)) << kind_name(request);
  }
}

TEST(Conversation, AServerThatHasSentItsFilesMayNotJudgeThem) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kS, kHello);
  say(conversation, kC, kPull);
  for (const FrameKind kind : {kVerdicts, kStored}) EXPECT_FALSE(conversation.permits(kS, kind)) << kind_name(kind);
  say(conversation, kS, kFinish);
  say(conversation, kC, kStored);
  say(conversation, kC, kFinish);
  EXPECT_EQ(conversation.state(kC), State::kIdle);
}

TEST(Conversation, AnErrorOfTheClientEndsItsSideInEveryState) {
  for (const Way& way : ways()) {
    if (way.side != kC || way.state == State::kEnded) continue;
    Conversation conversation = brought_to(way);
    say(conversation, kC, kError);
    EXPECT_EQ(conversation.state(kC), State::kEnded) << state_name(way.state);
  }
}

TEST(Conversation, PipelinedRequestsAreAnsweredInTheirOrder) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kC, kExec);
  say(conversation, kC, kStdin, 0);
  say(conversation, kC, kGet);
  say(conversation, kC, kPost);
  say(conversation, kC, kSeal);
  say(conversation, kC, kGet);
  EXPECT_EQ(conversation.due(), 4u);
  EXPECT_FALSE(conversation.permits(kS, kStdout)) << "hello comes first";
  say(conversation, kS, kHello);
  EXPECT_EQ(conversation.due(), 4u) << "a hello answers nothing";
  EXPECT_FALSE(conversation.permits(kS, kOffer)) << "the answer to exec comes first";
  say(conversation, kS, kStdout, 10);
  say(conversation, kS, kStderr, 10);
  say(conversation, kS, kExit, 10);
  EXPECT_FALSE(conversation.permits(kS, kStdout));
  EXPECT_FALSE(conversation.permits(kS, kDone)) << "the answer to get comes first";
  say(conversation, kS, kOffer);
  say(conversation, kS, kPost);
  say(conversation, kS, kData);
  say(conversation, kS, kSeal);
  EXPECT_FALSE(conversation.permits(kS, kPost)) << "a client's post is answered by done";
  say(conversation, kS, kDone);
  say(conversation, kS, kError);
  EXPECT_EQ(conversation.due(), 0u);
  EXPECT_EQ(conversation.state(kS), State::kIdle);
  EXPECT_FALSE(conversation.permits(kS, kExit));
}

TEST(Conversation, AnAnswerMayBeginBeforeItsRequestIsComplete) {
  Conversation conversation;
  say(conversation, kC, kHello);
  say(conversation, kS, kHello);
  say(conversation, kC, kExec);
  say(conversation, kC, kStdin, 1);
  say(conversation, kS, kStdout, 1);
  say(conversation, kS, kExit, 1);
  EXPECT_EQ(conversation.state(kC), State::kExec) << "the client's input is still open";
  say(conversation, kC, kStdin, 1);
  say(conversation, kC, kStdin, 0);
  EXPECT_EQ(conversation.due(), 0u);
}

TEST(Conversation, PingsMoveNothing) {
  for (const Way& way : ways()) {
    for (const FrameKind kind : {kPing, kPong}) {
      Conversation conversation = brought_to(way);
      if (!conversation.permits(way.side, kind)) continue;
      const Position before = position_of(conversation);
      say(conversation, way.side, kind);
      EXPECT_TRUE(position_of(conversation) == before) << shown(way, kind);
    }
  }
}

TEST(Conversation, DoneComesAfterTheSealOfItsFileAndNoSooner) {
  Conversation conversation;
  for (const Step& step : {Step{kC, kHello}, Step{kS, kHello}, Step{kC, kPost}})
    say(conversation, step.from, step.kind);
  EXPECT_FALSE(conversation.permits(kS, kDone));
  say(conversation, kC, kSeal);
  EXPECT_TRUE(conversation.permits(kS, kDone));
  say(conversation, kC, kPost);
  EXPECT_TRUE(conversation.permits(kS, kDone)) << "the first file was sealed; the second may be under way meanwhile";
  say(conversation, kS, kDone);
  EXPECT_FALSE(conversation.permits(kS, kDone));
}

}  // namespace
}  // namespace farhand
