// FrameReader: the same frames come out, however the bytes came in.
#include "protocol/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

std::string frame(FrameKind kind, std::string_view name, std::string_view parcel) {
  std::string text;
  append_slip(text, kind, parcel.size(), name);
  return text.append(parcel);
}

std::string hello_frame() {
  return frame(FrameKind::kHello, "", encode(Hello{1, "test", {}}));
}
std::string exec_frame(const std::string& line = "cat") {
  return frame(FrameKind::kExec, "", encode(ExecRequest{ExecMode::kShell, {line}}));
}

struct WholeFrame {
  FrameKind kind;
  std::string name;
  std::string parcel;
  bool operator==(const WholeFrame&) const = default;
};

// Feeds bytes and takes every frame, as a handler does that never pauses.
struct Taker {
  Conversation conversation;
  FrameReader reader{conversation, Side::kClient};
  std::vector<WholeFrame> frames;
  bool open = false;  // the last of `frames` still grows
  std::size_t largest_held = 0;

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const MutableBytes into = reader.prepare();
      ASSERT_FALSE(into.empty()) << "no room although everything is taken";
      const std::size_t count = std::min(into.size(), bytes.size());
      std::memcpy(into.data(), bytes.data(), count);
      reader.commit(count);
      bytes.remove_prefix(count);
      take_all();
    }
  }

  void take_all() {
    for (;;) {
      const auto incoming = reader.peek();
      ASSERT_TRUE(incoming) << incoming.error().message;
      if (!*incoming) return;
      take(**incoming);
    }
  }

  void take(const Incoming& piece) {
    EXPECT_EQ(piece.first(), !open);
    if (!open) frames.push_back({piece.kind(), piece.header.name, {}});
    frames.back().parcel += text_of(piece.bytes);
    open = !piece.last();
    reader.consume(piece.bytes.size());
  }
};

// A conversation with every kind that a client says.
std::string whole_conversation() {
  return hello_frame() + frame(FrameKind::kPing, "t1", "") + exec_frame() + frame(FrameKind::kStdin, "", "first") +
         frame(FrameKind::kPong, "", "") + frame(FrameKind::kStdin, "", std::string(70, 'x')) +
         frame(FrameKind::kStdin, "", "") + frame(FrameKind::kGet, "a%b\nc", "") +
         frame(FrameKind::kOffer, "", std::string(17, '\0')) + frame(FrameKind::kPost, "empty", "") +
         frame(FrameKind::kSeal, "", "not looked at here") + frame(FrameKind::kPost, "x|y", "12") +
         frame(FrameKind::kData, "2", "345") + frame(FrameKind::kData, "5", "") + frame(FrameKind::kSeal, "", "s") +
         frame(FrameKind::kBye, "", "");
}

std::vector<WholeFrame> frames_of(std::string_view bytes) {
  Taker taker;
  taker.feed(bytes);
  EXPECT_FALSE(taker.reader.mid_frame());
  return taker.frames;
}

TEST(FrameReader, AllFramesOfAConversationComeOutOfOneFeed) {
  const auto frames = frames_of(whole_conversation());
  ASSERT_EQ(frames.size(), 16u);
  EXPECT_TRUE((frames[3] == WholeFrame{FrameKind::kStdin, "", "first"}));
  EXPECT_TRUE((frames[6] == WholeFrame{FrameKind::kStdin, "", ""}));
  EXPECT_TRUE((frames[7] == WholeFrame{FrameKind::kGet, "a%b\nc", ""}));
  EXPECT_TRUE((frames[12] == WholeFrame{FrameKind::kData, "2", "345"}));
  EXPECT_TRUE((frames[15] == WholeFrame{FrameKind::kBye, "", ""}));
}

TEST(FrameReader, ByteByByteGivesTheSameFrames) {
  const std::string bytes = whole_conversation();
  Taker taker;
  for (const char& byte : bytes) taker.feed({&byte, 1});
  EXPECT_TRUE(taker.frames == frames_of(bytes));
}

TEST(FrameReader, ASplitAtAnyByteGivesTheSameFrames) {
  const std::string bytes = whole_conversation();
  const auto expected = frames_of(bytes);
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Taker taker;
    taker.feed(std::string_view(bytes).substr(0, split));
    taker.feed(std::string_view(bytes).substr(split));
    ASSERT_TRUE(taker.frames == expected) << "split at " << split;
  }
}

TEST(FrameReader, RandomPiecesGiveTheSameFrames) {
  const std::string bytes = whole_conversation();
  const auto expected = frames_of(bytes);
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    Taker taker;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 40, bytes.size() - at);
      taker.feed(std::string_view(bytes).substr(at, count));
      at += count;
    }
    ASSERT_TRUE(taker.frames == expected) << "seed " << seed;
  }
}

TEST(FrameReader, AThousandFramesInOneBufferComeOneByOne) {
  std::string bytes = hello_frame() + exec_frame();
  for (int i = 0; i < 1000; ++i) bytes += frame(FrameKind::kStdin, "", std::to_string(i));
  ASSERT_LT(bytes.size(), kInboxBytes);
  const auto frames = frames_of(bytes);
  ASSERT_EQ(frames.size(), 1002u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(frames[static_cast<std::size_t>(i) + 2].parcel, std::to_string(i));
}

// A reader with a half-fed frame, for what it shows meanwhile.
struct Half {
  Taker taker;
  explicit Half(std::string_view before) { taker.feed(before); }
  void put(std::string_view bytes) {
    while (!bytes.empty()) {
      const MutableBytes into = taker.reader.prepare();
      const std::size_t count = std::min(into.size(), bytes.size());
      ASSERT_GT(count, 0u);
      std::memcpy(into.data(), bytes.data(), count);
      taker.reader.commit(count);
      bytes.remove_prefix(count);
    }
  }
  std::optional<Incoming> shown() {
    auto incoming = taker.reader.peek();
    EXPECT_TRUE(incoming);
    return incoming ? *incoming : std::optional<Incoming>();
  }
  void expect_piece(std::string_view bytes, std::uint64_t offset, bool last) {
    const auto piece = shown();
    ASSERT_TRUE(piece);
    EXPECT_EQ(text_of(piece->bytes), bytes);
    EXPECT_EQ(piece->offset, offset);
    EXPECT_EQ(piece->first(), offset == 0);
    EXPECT_EQ(piece->last(), last);
  }
};

TEST(FrameReader, BytesAreShownAsTheyCome) {
  Half half(hello_frame() + exec_frame());
  half.put("stdin|6|\n");
  EXPECT_FALSE(half.shown()) << "not a byte of it is there";
  half.put("abc");
  half.expect_piece("abc", 0, false);
  half.taker.reader.consume(2);
  half.expect_piece("c", 2, false);
  half.put("defstdin|0|\n");
  half.expect_piece("cdef", 2, true);
  half.taker.reader.consume(4);
  half.expect_piece("", 0, true);
}

TEST(FrameReader, AStructureIsShownOnlyWhenItIsWhole) {
  Half half("");
  const std::string bytes = hello_frame();
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    half.put({&bytes[i], 1});
    ASSERT_FALSE(half.shown()) << i;
  }
  half.put({&bytes.back(), 1});
  const auto whole = half.shown();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->bytes.size(), whole->header.size);
}

TEST(FrameReader, AFrameWithoutBytesIsShownOnceAndEndsWithConsumeOfNothing) {
  Half half(hello_frame());
  half.put("ping|0|a\nping|0|b\n");
  EXPECT_EQ(half.shown()->header.name, "a");
  EXPECT_EQ(half.shown()->header.name, "a") << "until it is consumed";
  half.taker.reader.consume(0);
  EXPECT_EQ(half.shown()->header.name, "b");
  half.taker.reader.consume(0);
  EXPECT_FALSE(half.shown());
  EXPECT_FALSE(half.taker.reader.mid_frame());
}

TEST(FrameReader, MidFrameTellsAnEndInTheMiddleFromAProperOne) {
  Half half(hello_frame() + exec_frame());
  EXPECT_FALSE(half.taker.reader.mid_frame());
  half.put("s");
  EXPECT_TRUE(half.taker.reader.mid_frame());
  half.put("tdin|3|\n");
  EXPECT_FALSE(half.shown());
  EXPECT_TRUE(half.taker.reader.mid_frame());
  half.put("ab");
  half.taker.take_all();
  EXPECT_TRUE(half.taker.reader.mid_frame()) << "a byte is missing";
  half.put("c");
  half.taker.take_all();
  EXPECT_FALSE(half.taker.reader.mid_frame());
}

TEST(FrameReader, TheInboxOfAPausedHandlerHasABound) {
  Half half(hello_frame() + exec_frame());
  half.put("stdin|1048576|\n");
  std::size_t put = 0;
  while (half.taker.reader.room() > 0) {
    const std::size_t count = half.taker.reader.prepare().size();
    half.taker.reader.commit(count);
    put += count;
    ASSERT_TRUE(half.shown());
    ASSERT_LE(put, kInboxBytes + kMaxSlipBytes);
  }
  half.taker.reader.consume(1000);
  EXPECT_GE(half.taker.reader.room(), 1000u);
}

TEST(FrameReader, AByteFrameOfAMegabyteTakesNoMegabyteOfMemory) {
  const std::string bytes =
      hello_frame() + exec_frame() + frame(FrameKind::kStdin, "", std::string(kMaxByteFrame, 'x'));
  Taker taker;
  taker.frames.reserve(8);
  const test::MemoryMeter meter;
  std::string_view rest = bytes;
  std::size_t taken = 0;
  while (!rest.empty()) {
    const MutableBytes into = taker.reader.prepare();
    const std::size_t count = std::min(into.size(), rest.size());
    std::memcpy(into.data(), rest.data(), count);
    taker.reader.commit(count);
    rest.remove_prefix(count);
    for (;;) {
      const auto incoming = taker.reader.peek();
      ASSERT_TRUE(incoming);
      if (!*incoming) break;
      taken += (*incoming)->bytes.size();
      taker.reader.consume((*incoming)->bytes.size());
    }
  }
  EXPECT_GT(taken, kMaxByteFrame);
  EXPECT_LT(meter.peak_bytes(), 3 * kInboxBytes) << "the inbox, once more while it grows, and small change";
}

TEST(FrameReader, AStructureLargerThanTheInboxHasRoomToArrive) {
  const std::string line(kMaxExecStructure - 128, 'x');
  const auto frames = frames_of(hello_frame() + exec_frame(line) + frame(FrameKind::kStdin, "", ""));
  ASSERT_EQ(frames.size(), 3u);
  const auto exec = decode_exec(bytes_of(frames[1].parcel));
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->words.front(), line);
}

TEST(FrameReader, WhileAStructureArrivesNoMoreThanItsSizeIsHeld) {
  Half half(hello_frame());
  half.put("exec|1000000|\n");
  EXPECT_FALSE(half.shown());
  std::size_t held = 0;
  while (half.taker.reader.room() > 0) {
    const std::size_t count = half.taker.reader.prepare().size();
    half.taker.reader.commit(count);
    held += count;
    ASSERT_LE(held, 1000000u);
  }
  EXPECT_EQ(held, 1000000u);
  EXPECT_TRUE(half.shown());
}

TEST(FrameReader, ASizeOverTheLimitIsRefusedBeforeAByteOfItHasCome) {
  for (const char* slip :
       {"exec|4194305|\n", "exec|9223372036854775807|\n", "post|1048577|a\n", "ping|1|\n", "offer|262145|\n"}) {
    Half half(hello_frame());
    half.put(slip);
    const test::MemoryMeter meter;
    const auto incoming = half.taker.reader.peek();
    ASSERT_FALSE(incoming) << slip;
    EXPECT_EQ(incoming.error().code, ErrorCode::kLimit);
    EXPECT_LT(meter.peak_bytes(), 4096u);
  }
}

TEST(FrameReader, ARefusalStaysARefusal) {
  Half half(hello_frame());
  half.put("nonsense|0|\nping|0|\n");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(half.taker.reader.peek());
}

TEST(FrameReader, IdleMemoryIsGivenBackAndEverythingStillWorks) {
  Taker taker;
  taker.feed(hello_frame());
  const test::MemoryMeter meter;
  taker.feed(exec_frame(std::string(1 << 20, 'x')) + frame(FrameKind::kStdin, "", ""));
  taker.frames.clear();
  taker.frames.shrink_to_fit();
  EXPECT_GT(meter.held_bytes(), std::size_t{1000000});
  taker.reader.release_idle_memory();
  EXPECT_LE(meter.held_bytes(), kIdleBufferBytes + 1024);
  taker.feed(frame(FrameKind::kGet, "x", ""));
  EXPECT_EQ(taker.frames.back().name, "x");
}

TEST(FrameReader, MemoryThatHoldsSomethingIsNotGivenBack) {
  Half half(hello_frame() + exec_frame());
  half.put("stdin|3|\nabc");
  half.taker.reader.release_idle_memory();
  const auto piece = half.shown();
  ASSERT_TRUE(piece);
  EXPECT_EQ(text_of(piece->bytes), "abc");
}

}  // namespace
}  // namespace farhand
