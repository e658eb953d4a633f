// Where the frames of somebody else's connection begin and end, whatever pieces they come in.
#include "client/sharing/frame_gate.h"

#include <gtest/gtest.h>

#include <cstring>

#include "protocol/limits.h"
#include "tests/unit/client/sharing/frames.h"

namespace farhand {
namespace {

using test::frame;

std::string exec() {
  return frame(FrameKind::kExec, "", "structure");
}

class FrameGateTest : public testing::Test {
 protected:
  FrameGateTest() {
    for (const Side side : {Side::kClient, Side::kServer}) {
      EXPECT_TRUE(conversation_.admit(side, FrameHeader{FrameKind::kHello, 0, {}}));
    }
  }

  static void put(FrameGate& gate, std::string_view text) {
    const MutableBytes room = gate.prepare();
    ASSERT_GE(room.size(), text.size());
    std::memcpy(room.data(), text.data(), text.size());
    gate.commit(text.size());
  }

  static std::string take(FrameGate& gate) {
    const std::string text(text_of(gate.passed()));
    gate.sent(gate.passed().size());
    return text;
  }

  Conversation conversation_;
  FrameGate client_{conversation_, Side::kClient};
  FrameGate server_{conversation_, Side::kServer};
};

TEST_F(FrameGateTest, BytesPassAsTheyCameWhateverPiecesTheyComeIn) {
  const std::string all = exec() + frame(FrameKind::kStdin, "", "input") + frame(FrameKind::kPause) +
                          frame(FrameKind::kStdin) + frame(FrameKind::kPing, "word");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    Conversation conversation = conversation_;
    FrameGate gate(conversation, Side::kClient);
    put(gate, all.substr(0, cut));
    std::string passed = take(gate);
    EXPECT_EQ(all.substr(0, passed.size()), passed);
    put(gate, all.substr(cut));
    passed += take(gate);
    EXPECT_EQ(passed, all) << cut;
    EXPECT_FALSE(gate.broken() || gate.mid_frame()) << cut;
    EXPECT_EQ(conversation.due(), 1u);
  }
}

TEST_F(FrameGateTest, NothingOfASlipPassesBeforeAllOfIt) {
  const std::string slip = frame(FrameKind::kStdin, "", "x");
  put(client_, exec());
  take(client_);
  put(client_, slip.substr(0, slip.size() - 3));
  EXPECT_EQ(take(client_), "");
  EXPECT_FALSE(client_.mid_frame());
  put(client_, slip.substr(slip.size() - 3, 2));
  EXPECT_EQ(take(client_), slip.substr(0, slip.size() - 1));
  EXPECT_TRUE(client_.mid_frame());
}

TEST_F(FrameGateTest, HelloAndByeAreHeldUntilAllOfThemIsHere) {
  const std::string hello = frame(FrameKind::kHello, "joe", "structure");
  for (std::size_t cut = 0; cut < hello.size(); ++cut) {
    FrameGate gate(conversation_, Side::kClient);
    put(gate, hello.substr(0, cut));
    EXPECT_EQ(gate.held(), nullptr) << cut;
    put(gate, hello.substr(cut) + frame(FrameKind::kPing) + frame(FrameKind::kBye) + "behind it");
    ASSERT_NE(gate.held(), nullptr) << cut;
    EXPECT_EQ(gate.held()->name, "joe");
    EXPECT_EQ(take(gate), "");
    gate.swallow();
    EXPECT_EQ(take(gate), frame(FrameKind::kPing));
    ASSERT_NE(gate.held(), nullptr);
    EXPECT_EQ(gate.held()->kind, FrameKind::kBye);
    EXPECT_EQ(gate.room(), 0u);
  }
  EXPECT_EQ(conversation_.state(Side::kClient), State::kIdle);
}

TEST_F(FrameGateTest, ABreachPassesWithAllBehindItAndIsNoted) {
  for (const std::string& breach : {std::string("no slip at all"), frame(FrameKind::kStdin, "", "x"),
                                    frame(FrameKind::kStdout, "", "x"), frame(FrameKind::kSignal, "", "x")}) {
    Conversation conversation = conversation_;
    FrameGate gate(conversation, Side::kClient);
    put(gate, frame(FrameKind::kPing) + breach + frame(FrameKind::kBye));
    EXPECT_TRUE(gate.broken()) << breach;
    EXPECT_EQ(gate.held(), nullptr) << breach;
    EXPECT_EQ(take(gate), frame(FrameKind::kPing) + breach + frame(FrameKind::kBye));
  }
}

TEST_F(FrameGateTest, WhatTheServerSaysOfItselfIsABreachToo) {
  put(server_, frame(FrameKind::kPing, "word"));
  EXPECT_EQ(server_.take_question(), "word");
  EXPECT_EQ(server_.take_question(), std::nullopt);
  EXPECT_FALSE(server_.broken());
  put(server_, frame(FrameKind::kStdout, "", "unasked"));
  EXPECT_TRUE(server_.broken());
}

TEST_F(FrameGateTest, ItTakesNoMoreThanItsInboxWhileNothingIsSent) {
  put(client_, exec() + "stdin|1048576|\n");
  while (client_.room() > 0) client_.commit(client_.prepare().size());
  EXPECT_LE(client_.passed().size(), kInboxBytes);
  client_.sent(1000);
  EXPECT_EQ(client_.room(), 1000u);
}

}  // namespace
}  // namespace farhand
