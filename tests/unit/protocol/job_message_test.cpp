// The messages of a job: what is refused in them, and the order of entries.
#include "protocol/messages/job.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/limits.h"

namespace farhand {
namespace {

using namespace std::string_literals;

Entry file_entry(const std::string& path) {
  Entry entry;
  entry.path = path;
  return entry;
}

bool is_read(const Entry& entry) {
  return decode_entries(bytes_of(encode(std::vector{entry}))).has_value();
}

TEST(JobMessages, APathThatIsNoEntrysIsRefused) {
  for (const std::string& path : {""s, "/"s, "/a"s, "a/"s, "a//b"s, ".."s, "../a"s, "a/.."s, "a/../b"s, "./a"s, "a/."s,
                                  "a\0b"s, std::string(256, 'x'), std::string(kMaxFrameNameBytes + 1, 'x')}) {
    EXPECT_FALSE(check_entry_path(path)) << path;
    EXPECT_FALSE(is_read(file_entry(path))) << path;
  }
  std::string long_path;
  while (long_path.size() + 257 <= kMaxFrameNameBytes) long_path += std::string(255, 'x') + "/";
  long_path += "x";
  for (const std::string& path :
       {"."s, "a"s, "a/b"s, "..."s, "a/..b"s, " "s, "\n"s, "\xff"s, "a\\b"s, std::string(255, 'x'), long_path}) {
    EXPECT_TRUE(check_entry_path(path)) << path;
    EXPECT_TRUE(is_read(file_entry(path))) << path;
  }
}

TEST(JobMessages, EntriesHaveAnOrderInWhichADirectoryGoesBeforeWhatIsInIt) {
  const std::vector<std::string> ordered{".",       "\x01",  "a",   "a/\x01", "a/b", "a/b/c",
                                         "a/b\x01", "a\x01", "a.b", "a0",     "b",   "\xff"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t k = 0; k < ordered.size(); ++k) {
      EXPECT_EQ(entry_precedes(ordered[i], ordered[k]), i < k) << ordered[i] << " and " << ordered[k];
    }
  }
}

TEST(JobMessages, FieldsOutOfRangeAreRefused) {
  const auto changed = [](auto change) {
    Entry entry = file_entry("a/b");
    change(entry);
    return is_read(entry);
  };
  EXPECT_TRUE(changed([](Entry&) {}));
  EXPECT_FALSE(changed([](Entry& entry) { entry.mode = 010000; }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.modified_nanoseconds = 1'000'000'000; }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.size = kMaxFrameSize + 1; }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.user = std::string(256, 'u'); }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.target = "a\0b"s; }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.kind = EntryKind::kLink; }));
  EXPECT_TRUE(changed([](Entry& entry) {
    entry.kind = EntryKind::kLink;
    entry.target = "../../anywhere";
  }));
  EXPECT_FALSE(changed([](Entry& entry) { entry.attributes = {{"", "value"}}; }));
  EXPECT_TRUE(changed([](Entry& entry) { entry.attributes.resize(1); })) << "it has more than are said";
  EXPECT_FALSE(changed([](Entry& entry) {
    entry.attributes = {{"user.a", std::string(kMaxAttributeValue + 1, 'v')}};
  }));
  EXPECT_TRUE(changed([](Entry& entry) { entry.attributes = {{"user.a", std::string(kMaxAttributeValue, 'v')}}; }));
}

TEST(JobMessages, AHardLinkIsToSomethingThatCameBefore) {
  const auto link_to = [](const std::string& target) {
    Entry entry = file_entry("b/c");
    entry.kind = EntryKind::kHardLink;
    entry.target = target;
    return is_read(entry);
  };
  EXPECT_TRUE(link_to("a"));
  EXPECT_TRUE(link_to("b/b"));
  for (const char* target : {"", "b/c", "b/d", "c", "../a", "/a"}) EXPECT_FALSE(link_to(target)) << target;
}

TEST(JobMessages, ACountBeyondWhatFollowsIsRefusedBeforeAnythingIsMade) {
  const std::string count = "\xff\xff\xff\xff\xff\xff\xff\x00"s;
  EXPECT_FALSE(decode_entries(bytes_of(count)));
  EXPECT_FALSE(decode_verdicts(bytes_of(count + "\0\0\0"s)));
  EXPECT_FALSE(decode_trouble(bytes_of(count)));
}

TEST(JobMessages, RequestsHaveBounds) {
  EXPECT_TRUE(decode_push(bytes_of(encode(PushRequest{"", Placement::kInto, {}}))));
  EXPECT_FALSE(decode_push(bytes_of(encode(PushRequest{"a\0"s, Placement::kInto, {}}))));
  PushRequest push{"x", Placement::kAs, {}};
  push.options.backup = "~";
  EXPECT_TRUE(decode_push(bytes_of(encode(push))));
  push.options.backup = "/~";
  EXPECT_FALSE(decode_push(bytes_of(encode(push))));

  EXPECT_TRUE(decode_pull(bytes_of(encode(PullRequest{{"a", "b"}, false, false, false, false, {}}))));
  EXPECT_FALSE(decode_pull(bytes_of(encode(PullRequest{{}, false, false, false, false, {}}))));
  EXPECT_FALSE(decode_pull(bytes_of(encode(PullRequest{{""}, false, false, false, false, {}}))));
  EXPECT_FALSE(decode_pull(bytes_of(encode(PullRequest{{"a", "b"}, true, false, false, false, {}}))))
      << "contents of two";
  EXPECT_FALSE(decode_list(
      bytes_of(encode(ListRequest{{"a"}, false, false, false, std::vector<std::string>(kMaxFilterRules + 1)}))));
}

TEST(JobMessages, AVerdictHasASizeAndAHashOnlyForARest) {
  const std::vector<Verdict> verdicts{{Need::kNothing, 5, {1}}, {Need::kRest, 5, {1}}, {Need::kWhole, 5, {1}}};
  const auto read = decode_verdicts(bytes_of(encode(verdicts)));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[0].have, 0u);
  EXPECT_EQ((*read)[1].have, 5u);
  EXPECT_EQ((*read)[1].hash, HashValue{1});
  EXPECT_FALSE(decode_verdicts(bytes_of(encode(std::vector{Verdict{Need::kRest, kMaxFrameSize + 1, {}}}))));
}

TEST(JobMessages, PlacesAreCutToWhatAMessageHolds) {
  const std::string path(kMaxFrameNameBytes + 100, 'x');
  const auto troubles = decode_trouble(bytes_of(encode(std::vector{Trouble{path, ErrorCode::kLimit, "", false}})));
  ASSERT_TRUE(troubles) << troubles.error().message;
  EXPECT_EQ(troubles->front().path.size(), kMaxFrameNameBytes);
  JobEnd end;
  end.place = path;
  const auto read = decode_finish(bytes_of(encode(end)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->place.size(), kMaxFrameNameBytes);
}

}  // namespace
}  // namespace farhand
