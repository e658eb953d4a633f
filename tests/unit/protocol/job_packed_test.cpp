// Jobs whose content goes packed: what arrives, what went over the wire, and senders that lie.
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "protocol/limits.h"
#include "protocol/transfer/packing.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::file_entry;
using test::JobPair;
using test::JobPlace;
using test::ScriptedSender;

std::string text_of(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) text += "line " + std::to_string(i * 7919U) + " of a log\n";
  text.resize(size);
  return text;
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 7;
  for (char& byte : bytes)
    byte = static_cast<char>((state = state * 6364136223846793005U + 1442695040888963407U) >> 56);
  return bytes;
}

struct PackingPair : JobPair {
  PackingPair() { packs = true; }
};

// ---------------------------------------------------------------------------------------------------------------------
// Both ends of ours

TEST(JobPacked, ATreeArrivesWithAFractionOnTheWire) {
  PackingPair pair;
  for (int i = 0; i < 50; ++i) pair.make("d/" + std::to_string(i), text_of(3000) + std::to_string(i));
  pair.make("large", text_of(3'000'000));
  pair.make("empty", "");
  pair.make("tiny", "x");
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(ends.receiver.files, 53U);
  EXPECT_EQ(ends.sender.bytes, ends.receiver.bytes) << "both count content";
  EXPECT_EQ(pair.sent.moved_bytes, ends.sender.bytes);
  EXPECT_EQ(pair.place.observer.packed_content, pair.sent.packed_content);
  EXPECT_EQ(pair.place.observer.packed_wire, pair.sent.packed_wire);
  EXPECT_LT(pair.sent.packed_wire, pair.sent.packed_content / 4);
  EXPECT_EQ(pair.sent.packed_content, ends.sender.bytes - 1) << "all but a tiny one";
}

TEST(JobPacked, NothingIsPackedUnlessItIsAskedFor) {
  JobPair pair;
  pair.make("large", text_of(300'000));
  pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(pair.sent.packed_content, 0U);
}

TEST(JobPacked, NoiseGoesPlainButForSamples) {
  PackingPair pair;
  pair.make("noise", noise(5 << 20));
  pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(pair.sent.packed_content, 3 * (64U << 10)) << "at 0, behind 1 MiB, and behind 2 more";
  EXPECT_LT(pair.sent.packed_wire, pair.sent.packed_content + 300);
}

TEST(JobPacked, AFileBehindNoiseIsLookedAtForItself) {
  PackingPair pair;
  pair.make("a", noise(200'000));
  pair.make("b", text_of(100'000));
  pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(pair.sent.packed_content, (64U << 10) + 100'000);
}

TEST(JobPacked, ADeltaPacksWhatIsNew) {
  PackingPair pair;
  const std::string old = noise(400'000);
  pair.place.make_old("file", old);
  pair.make("file", old.substr(0, 200'000) + text_of(100'000) + old.substr(200'000));
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_LT(ends.sender.bytes, 110'000U) << "it was a delta";
  EXPECT_GE(pair.sent.packed_content, 99'000U);
  EXPECT_LT(pair.sent.packed_wire, 30'000U);
}

TEST(JobPacked, SmallBuffersAndPackingDoNotLockEachOther) {
  PackingPair pair;
  pair.place.tiny = true;
  for (int i = 0; i < 20; ++i) pair.make(std::to_string(i), noise(20'000) + text_of(300'000));
  pair.run();
  EXPECT_TRUE(pair.alike());
}

// ---------------------------------------------------------------------------------------------------------------------
// By hand

class PackedSender {
 public:
  explicit PackedSender(ScriptedSender& sender) : sender_(sender) {}
  void say(std::uint64_t offset, const std::string& content) { say_parcel(offset, parcel_of(content)); }
  void say_parcel(std::uint64_t offset, const std::string& parcel) {
    sender_.channel().say_bytes(FrameKind::kPacked, std::to_string(offset), bytes_of(parcel));
    while (!sender_.channel().has_room()) ASSERT_TRUE(sender_.channel().wait({}, test::soon()));
  }
  std::string parcel_of(const std::string& content) {
    std::string parcel(Packer::room_for(content.size()), '\0');
    parcel.resize(packer_.pack(bytes_of(content), std::as_writable_bytes(std::span(parcel))));
    return parcel;
  }

 private:
  ScriptedSender& sender_;
  Packer packer_{3};
};

void expect_breach(const Result<Result<JobOutcome>>& outcome) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol) << outcome.error().message;
}

TEST(JobPackedReceiver, PartsAndPackedPartsMayMix) {
  JobPlace place;
  const auto outcome = place.run([](ScriptedSender& sender) {
    sender.list({file_entry("file", "hello, world")});
    sender.verdicts(1);
    PackedSender packed(sender);
    packed.say(0, "hello");
    sender.part(5, ", ");
    packed.say(7, "world");
    sender.close("hello, world");
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("file"), "hello, world");
}

TEST(JobPackedReceiver, AFileThatFailsDoesNotTakeTheStreamWithIt) {
  JobPlace place;
  const auto outcome = place.run([](ScriptedSender& sender) {
    const std::string content = test::pattern(5000);
    sender.list({file_entry("a", content), file_entry("b", content)});
    sender.verdicts(2);
    PackedSender packed(sender);
    packed.say(1'000'000, content);  // beyond what was announced: from here on nothing of it is written
    sender.close(content);
    packed.say(0, content);
    sender.close(content);
    sender.finish();
    EXPECT_EQ(sender.end().failed, 1U);
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("a"), "(none)");
  EXPECT_TRUE(place.content("b") == test::pattern(5000)) << "which is said as a repetition of the first";
}

TEST(JobPackedReceiver, WhatDoesNotUnpackIsABreachAndNothingIsStored) {
  for (const std::string& parcel : {std::string(), std::string("\1\0\0\0garbage", 11), std::string(300, '\xff')}) {
    JobPlace place;
    expect_breach(place.run([&](ScriptedSender& sender) {
      sender.list({file_entry("file", "x")});
      sender.verdicts(1);
      PackedSender(sender).say_parcel(0, parcel);
      sender.close("x");
      sender.finish();
    }));
    EXPECT_TRUE(place.names().empty());
  }
}

TEST(JobPackedReceiver, OneThatNobodyAskedForIsABreach) {
  JobPlace place;
  expect_breach(place.run([](ScriptedSender& sender) { PackedSender(sender).say(0, "x"); }));
}

TEST(JobPackedReceiver, OneOutOfOrderIsABreach) {
  for (const std::uint64_t offset : {std::uint64_t{4}, kMaxFrameSize}) {
    JobPlace place;
    expect_breach(place.run([&](ScriptedSender& sender) {
      sender.list({file_entry("file", "hello")});
      sender.verdicts(1);
      PackedSender packed(sender);
      packed.say(0, "hello");
      packed.say(offset, "x");
    }));
  }
}

// 70 MiB of zeros cost 12 KiB; a file of 5 bytes that has grown by so much has not stood still.
TEST(JobPackedReceiver, FarMoreThanWasAnnouncedFailsTheFileAndGivesItsRoomBack) {
  JobPlace place;
  const auto outcome = place.run([](ScriptedSender& sender) {
    sender.list({file_entry("bomb", "hello"), file_entry("next", "hello")});
    sender.verdicts(2);
    PackedSender packed(sender);
    const std::string zeros(kMaxPackedContent, '\0');
    for (std::uint64_t at = 0; at < (70 << 20); at += zeros.size()) packed.say(at, zeros);
    sender.close(std::string(70 << 20, '\0'));
    packed.say(0, "hello");
    sender.close("hello");
    sender.finish();
    EXPECT_EQ(sender.end().failed, 1U);
    ASSERT_EQ(sender.troubles.size(), 1U);
    EXPECT_NE(sender.troubles.front().message.find("came more than was announced"), std::string::npos);
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.names(), std::vector<std::string>{"next"});
}

}  // namespace
}  // namespace farhand
