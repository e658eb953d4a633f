// Examples: the page protocol/examples.md, the bytes by hand, and what the code does are the same.
#include "tests/unit/protocol/examples.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "common/hash.h"
#include "protocol/conversation.h"
#include "protocol/messages/command.h"
#include "protocol/messages/file.h"
#include "protocol/messages/job.h"
#include "protocol/messages/pairing.h"
#include "protocol/messages/session.h"
#include "protocol/messages/stripe.h"
#include "protocol/slip.h"
#include "tests/unit/protocol/channel_pair.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::Example;
using test::examples;

std::string content_of(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

TEST(Examples, ThePageIsUpToDate) {
  if (std::getenv("FARHAND_WRITE_EXAMPLES") != nullptr) std::ofstream(PROTOCOL_EXAMPLES) << test::examples_page();
  EXPECT_EQ(content_of(PROTOCOL_EXAMPLES), test::examples_page()) << "see the page's second paragraph";
}

TEST(Examples, TheirBytesAreWhatTheCodeWrites) {
  for (const Example& example : examples()) {
    const auto slip = parse_slip(bytes_of(example.bytes()));
    ASSERT_TRUE(slip && *slip) << example.story;
    const std::string parcel = example.bytes().substr((*slip)->bytes);
    const std::string written =
        test::frame(example.kind, (*slip)->header.name, example.is_structure ? example.structure : parcel);
    EXPECT_EQ(test::to_hex(example.bytes()), test::to_hex(written)) << example.story;
  }
}

TEST(Examples, TheirSizesCountTheirParcels) {
  for (const Example& example : examples()) {
    const auto slip = parse_slip(bytes_of(example.bytes()));
    ASSERT_TRUE(slip && *slip) << example.story;
    EXPECT_EQ((*slip)->header.kind, example.kind);
    EXPECT_EQ((*slip)->header.size, example.bytes().size() - (*slip)->bytes) << example.story;
  }
}

TEST(Examples, TheirOrderIsALegalConversation) {
  Conversation conversation;
  for (const Example& example : examples()) {
    const auto slip = parse_slip(bytes_of(example.bytes()));
    ASSERT_TRUE(slip && *slip);
    if (example.begins_conversation) conversation = {};
    const auto admitted = conversation.admit(example.from, (*slip)->header);
    EXPECT_TRUE(admitted) << example.story << ": " << admitted.error().message;
  }
  EXPECT_EQ(conversation.due(), 0u);
}

TEST(Examples, EveryKindOfFrameIsAmongThem) {
  std::set<FrameKind> seen;
  for (const Example& example : examples()) seen.insert(example.kind);
  EXPECT_EQ(seen.size(), kFrameKinds);
}

TEST(Examples, EveryStructureAmongThemIsReadAndWrittenAsItStands) {
  const auto again = [](FrameKind kind, Bytes bytes) -> Result<std::string> {
    const auto encoded = [](auto message) -> Result<std::string> {
      if (!message) return fail(message.error());
      return encode(*message);
    };
    if (kind == FrameKind::kHello) return encoded(decode_hello(bytes));
    if (kind == FrameKind::kExec) return encoded(decode_exec(bytes));
    if (kind == FrameKind::kResize) return encoded(decode_resize(bytes));
    if (kind == FrameKind::kExit) return encoded(decode_exit(bytes));
    if (kind == FrameKind::kOffer) return encoded(decode_offer(bytes));
    if (kind == FrameKind::kSeal || kind == FrameKind::kClose) return encoded(decode_seal(bytes));
    if (kind == FrameKind::kPush) return encoded(decode_push(bytes));
    if (kind == FrameKind::kPull) return encoded(decode_pull(bytes));
    if (kind == FrameKind::kList) return encoded(decode_list(bytes));
    if (kind == FrameKind::kStripe) return encoded(decode_stripe(bytes));
    if (kind == FrameKind::kSlice) return encoded(decode_slice(bytes));
    if (kind == FrameKind::kEntries) return encoded(decode_entries(bytes));
    if (kind == FrameKind::kVerdicts) return encoded(decode_verdicts(bytes));
    if (kind == FrameKind::kCopy) return encoded(decode_copy(bytes));
    if (kind == FrameKind::kSignature) return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (kind == FrameKind::kTrouble) return encoded(decode_trouble(bytes));
    if (kind == FrameKind::kFinish) return encoded(decode_finish(bytes));
    if (kind == FrameKind::kPair) return encoded(decode_pair(bytes));
    if (kind == FrameKind::kPaired) return encoded(decode_paired(bytes));
    if (kind == FrameKind::kDone) return encoded(decode_done(bytes));
    return encoded(decode_error(bytes));
  };
  for (const Example& example : examples()) {
    if (!example.is_structure) continue;
    const auto written = again(example.kind, bytes_of(example.structure));
    ASSERT_TRUE(written) << example.story << ": " << written.error().message;
    EXPECT_EQ(test::to_hex(*written), test::to_hex(example.structure));
  }
}

TEST(Examples, TheHashIsThatOfTheContent) {
  ContentHash hash;
  hash.add(bytes_of("hello\n"));
  EXPECT_EQ(hash_text(hash.value()), "6bba86c7e069f56d5a10b435f1c8e49c");
}

}  // namespace
}  // namespace farhand
