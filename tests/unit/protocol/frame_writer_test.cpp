// FrameWriter: what is said stands in the outbox, byte for byte, whichever way it was said.
#include "protocol/frame_writer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "protocol/messages/session.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

// A client that has said hello and exec, with an empty outbox.
struct Speaker {
  Conversation conversation;
  FrameWriter writer{conversation, Side::kClient};

  Speaker() {
    writer.say_structure(FrameKind::kHello, encode(Hello{}));
    writer.say_structure(FrameKind::kExec, encode(ExecRequest{ExecMode::kShell, {"cat"}}));
    writer.sent(writer.pending().size());
  }
  [[nodiscard]] std::string outbox() const { return std::string(text_of(writer.pending())); }
  void say_stdin_of(std::size_t most, std::string_view bytes) {
    const MutableBytes into = writer.begin_bytes(FrameKind::kStdin, {}, most);
    ASSERT_EQ(into.size(), most);
    std::memcpy(into.data(), bytes.data(), bytes.size());
    writer.end_bytes(bytes.size());
  }
};

TEST(FrameWriter, FramesStandBehindEachOther) {
  Speaker speaker;
  speaker.writer.say(FrameKind::kPing, "t");
  speaker.writer.say_bytes(FrameKind::kStdin, {}, bytes_of("abc"));
  speaker.writer.say_bytes(FrameKind::kStdin, {}, {});
  speaker.writer.say(FrameKind::kGet, "a\nb%c\rd");
  EXPECT_EQ(speaker.outbox(), "ping|0|t\nstdin|3|\nabcstdin|0|\nget|0|a%0Ab%25c%0Dd\n");
}

TEST(FrameWriter, WhatWasSentIsGone) {
  Speaker speaker;
  speaker.writer.say(FrameKind::kPing, "t");
  speaker.writer.sent(5);
  EXPECT_EQ(speaker.outbox(), "0|t\n");
  speaker.writer.say(FrameKind::kPing, "u");
  EXPECT_EQ(speaker.outbox(), "0|t\nping|0|u\n");
  speaker.writer.forget();
  EXPECT_EQ(speaker.outbox(), "");
}

TEST(FrameWriter, FewerBytesThanAnnouncedMendTheSlip) {
  struct Case {
    std::size_t most;
    std::size_t count;
  };
  for (const auto& [most, count] :
       {Case{100000, 100000}, Case{100000, 99999}, Case{100000, 10000}, Case{100000, 1}, Case{10, 10}, Case{10, 9},
        Case{1000, 999}, Case{1000, 99}, Case{1000, 0}, Case{1, 0}, Case{0, 0}, Case{1048576, 7}}) {
    Speaker speaker;
    const std::string bytes = test::pattern(count);
    speaker.say_stdin_of(most, bytes);
    EXPECT_EQ(speaker.outbox(), "stdin|" + std::to_string(count) + "|\n" + bytes) << most << " and " << count;
  }
}

TEST(FrameWriter, AMendedFrameStandsWellBetweenItsNeighbours) {
  Speaker speaker;
  speaker.writer.say(FrameKind::kPing, "before");
  speaker.say_stdin_of(100000, "xyz");
  speaker.say_stdin_of(10, "0123456789");
  speaker.writer.say(FrameKind::kPing, "after");
  EXPECT_EQ(speaker.outbox(), "ping|0|before\nstdin|3|\nxyzstdin|10|\n0123456789ping|0|after\n");
}

TEST(FrameWriter, BytesBegunAndNotEndedWereNeverSaid) {
  Speaker speaker;
  speaker.writer.say(FrameKind::kPing, "a");
  (void)speaker.writer.begin_bytes(FrameKind::kStdin, {}, 1000);
  EXPECT_EQ(speaker.outbox(), "ping|0|a\n");
  EXPECT_EQ(speaker.conversation.state(Side::kClient), State::kExec);
  speaker.writer.say_bytes(FrameKind::kStdin, {}, {});
  EXPECT_EQ(speaker.outbox(), "ping|0|a\nstdin|0|\n");
}

TEST(FrameWriter, EndingWithNoBytesSaysAnEmptyFrame) {
  Speaker speaker;
  speaker.say_stdin_of(1000, "");
  EXPECT_EQ(speaker.outbox(), "stdin|0|\n");
  EXPECT_EQ(speaker.conversation.state(Side::kClient), State::kIdle) << "an empty stdin is the end of the input";
}

TEST(FrameWriter, TheNameOfABegunFrameIsEscapedLikeAnyOther) {
  Speaker speaker;
  speaker.writer.say_bytes(FrameKind::kStdin, {}, {});
  speaker.writer.forget();
  const MutableBytes into = speaker.writer.begin_bytes(FrameKind::kPost, "a\nb", 1000);
  std::memcpy(into.data(), "hi", 2);
  speaker.writer.end_bytes(2);
  EXPECT_EQ(speaker.outbox(), "post|2|a%0Ab\nhi");
}

TEST(FrameWriter, IdleMemoryIsGivenBack) {
  Speaker speaker;
  const test::MemoryMeter meter;
  speaker.writer.say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kMaxByteFrame, 'x')));
  EXPECT_GE(meter.held_bytes(), std::size_t{1000000});
  speaker.writer.release_idle_memory();
  EXPECT_GE(meter.held_bytes(), std::size_t{1000000}) << "it is not empty";
  speaker.writer.sent(speaker.writer.pending().size());
  speaker.writer.release_idle_memory();
  EXPECT_LT(meter.held_bytes(), 4096u);
  speaker.writer.say(FrameKind::kPing, "again");
  EXPECT_EQ(speaker.outbox(), "ping|0|again\n");
}

TEST(FrameWriterDeathTest, SayingWhatMayNotComeIsOurOwnBug) {
  Speaker speaker;
  EXPECT_DEATH(speaker.writer.say(FrameKind::kGet, "x"), "");
  EXPECT_DEATH(speaker.writer.say_bytes(FrameKind::kStdin, "name", bytes_of("x")), "");
  EXPECT_DEATH(speaker.writer.say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kMaxByteFrame + 1, 'x'))), "");
}

}  // namespace
}  // namespace farhand
