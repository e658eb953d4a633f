// Mode, time, owner and extended attributes of what is there already: they become the sender's, or a dry run says so.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "protocol/transfer/file_attributes.h"
#include "tests/unit/protocol/job_peer.h"

namespace farhand {
namespace {

using test::directory_entry;
using test::file_entry;
using test::JobPlace;
using test::link_entry;

using Attributes = std::map<std::string, std::string>;

// user::6 user:4711:4 group::4 mask::4 other::4
std::string access_list() {
  std::string list("\2\0\0\0", 4);
  const auto add = [&](std::uint16_t tag, std::uint16_t permissions, std::uint32_t id) {
    for (const std::uint16_t half : {tag, permissions}) list += {static_cast<char>(half), static_cast<char>(half >> 8)};
    for (int shift = 0; shift < 32; shift += 8) list += static_cast<char>(id >> shift);
  };
  add(1, 6, 0xffffffff);
  add(2, 4, 4711);
  add(4, 4, 0xffffffff);
  add(16, 4, 0xffffffff);
  add(32, 4, 0xffffffff);
  return list;
}

bool set(const std::string& path, const std::string& name, const std::string& value) {
  return ::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0;
}

Attributes attributes_of(const std::string& path) {
  std::vector<ExtendedAttribute> there;
  EXPECT_EQ(read_attributes(path, false, is_settable, there), 0);
  Attributes attributes;
  for (const ExtendedAttribute& each : there) attributes[each.name] = each.value;
  return attributes;
}

// There, with the sender's content and time: a file, a directory, and a link of another owner each, if root asks.
struct MetadataPlace : JobPlace {
  MetadataPlace() {
    options.attributes = options.owner = true;
    make_old("file", "content");
    directory.make_directory("there/sub");
    directory.make_link("there/link", "anywhere");
    const timespec times[2] = {test::kJobTime, test::kJobTime};
    EXPECT_EQ(::utimensat(AT_FDCWD, path("link").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    EXPECT_EQ(::utimensat(AT_FDCWD, path("sub").c_str(), times, 0), 0);
    file.first = file_entry("file", "content", 0644);
    file.second = "content";
    link.first = link_entry("link", "anywhere");
    sub.first = directory_entry("sub");
    for (auto* each : {&file, &link, &sub}) each->first.user = each->first.group = std::to_string(::geteuid());
  }
  void send_all() { ASSERT_TRUE(send({file, link, sub})); }
  [[nodiscard]] bool can_have_attributes() const { return set(path("sub"), "user.probe", "1") && remove_probe(); }
  [[nodiscard]] bool remove_probe() const { return ::removexattr(path("sub").c_str(), "user.probe") == 0; }

  std::pair<Entry, std::string> file, link, sub;
};

class JobMetadata : public ::testing::TestWithParam<Sameness> {};

TEST_P(JobMetadata, OwnersOfWhatIsThereBecomeTheSenders) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  MetadataPlace place;
  place.options.sameness = GetParam();
  for (auto* each : {&place.file, &place.link, &place.sub}) each->first.user = "4711", each->first.group = "4712";
  place.send_all();
  for (const auto* name : {"file", "link", "sub"}) {
    EXPECT_EQ(place.status(name).st_uid, 4711u) << name;
    EXPECT_EQ(place.status(name).st_gid, 4712u) << name;
    EXPECT_EQ(place.status(name).st_mtim.tv_nsec, test::kJobTime.tv_nsec) << name;
  }
  EXPECT_EQ(place.heard.unchanged, 1u);
  EXPECT_TRUE(place.last_troubles.empty());
}

TEST_P(JobMetadata, AttributesOfWhatIsThereBecomeTheSendersAndOthersGo) {
  MetadataPlace place;
  place.options.sameness = GetParam();
  if (!place.can_have_attributes()) GTEST_SKIP() << "no attributes here";
  for (const auto* name : {"file", "sub"}) {
    ASSERT_TRUE(set(place.path(name), "user.other", "goes"));
    ASSERT_TRUE(set(place.path(name), "user.same", "differs"));
  }
  const Attributes wanted{{"user.new", "1"}, {"user.same", "2"}};
  for (auto* each : {&place.file, &place.sub}) {
    for (const auto& [name, value] : wanted) each->first.attributes.push_back({name, value});
  }
  place.send_all();
  EXPECT_EQ(attributes_of(place.path("file")), wanted);
  EXPECT_EQ(attributes_of(place.path("sub")), wanted);
  EXPECT_EQ(place.heard.unchanged, 1u);
  EXPECT_TRUE(place.last_troubles.empty());
}

TEST_P(JobMetadata, SoDoAccessLists) {
  MetadataPlace place;
  place.options.sameness = GetParam();
  if (!set(place.path("sub"), "system.posix_acl_default", access_list())) GTEST_SKIP() << "no access lists here";
  place.file.first.attributes = {{"system.posix_acl_access", access_list()}};
  place.send_all();
  EXPECT_EQ(attributes_of(place.path("file")), (Attributes{{"system.posix_acl_access", access_list()}}));
  EXPECT_EQ(attributes_of(place.path("sub")), Attributes());
  place.file.first.attributes.clear();
  place.send_all();
  EXPECT_EQ(attributes_of(place.path("file")), Attributes());
  EXPECT_EQ(place.status("file").st_mode & 07777, 0644u);
}

INSTANTIATE_TEST_SUITE_P(All, JobMetadata,
                         ::testing::Values(Sameness::kProven, Sameness::kByTimes, Sameness::kChecksum));

TEST(JobMetadataRules, NothingGoesWhereTheSenderMayHaveMoreThanItSays) {
  MetadataPlace place;
  if (!place.can_have_attributes()) GTEST_SKIP() << "no attributes here";
  for (const auto* name : {"file", "sub"}) ASSERT_TRUE(set(place.path(name), "user.other", "stays"));
  for (auto* each : {&place.file, &place.sub}) each->first.attributes = {{"user.new", "1"}, further_attributes()};
  place.send_all();
  for (const auto* name : {"file", "sub"}) {
    EXPECT_EQ(attributes_of(place.path(name)), (Attributes{{"user.new", "1"}, {"user.other", "stays"}})) << name;
  }
}

TEST(JobMetadataRules, NorWhereNobodyAskedForAttributes) {
  MetadataPlace place;
  if (!place.can_have_attributes()) GTEST_SKIP() << "no attributes here";
  place.options.attributes = place.options.owner = false;
  ASSERT_TRUE(set(place.path("file"), "user.other", "stays"));
  place.file.first.user = place.file.first.group = "4711";
  place.send_all();
  EXPECT_EQ(attributes_of(place.path("file")), (Attributes{{"user.other", "stays"}}));
  EXPECT_EQ(place.status("file").st_uid, ::geteuid());
}

TEST(JobMetadataRules, WhatANewFileInheritsFromItsDirectoryIsNotTheSenders) {
  MetadataPlace place;
  if (!set(place.path("."), "system.posix_acl_default", access_list())) GTEST_SKIP() << "no access lists here";
  ASSERT_TRUE(place.send({{file_entry("new", "x"), "x"}, {directory_entry("new-d"), ""}}));
  EXPECT_EQ(attributes_of(place.path("new")), Attributes());
  EXPECT_EQ(attributes_of(place.path("new-d")), Attributes());
}

TEST(JobMetadataRules, AFileWithOtherNamesIsCopiedHereAndNotSent) {
  MetadataPlace place;
  place.options.sameness = Sameness::kByTimes;
  std::filesystem::create_hard_link(place.path("file"), place.path("other"));
  place.file.first.mode = 0600;
  ASSERT_TRUE(place.send({place.file}));
  EXPECT_EQ(place.status("file").st_mode & 07777, 0600u);
  EXPECT_EQ(place.status("other").st_mode & 07777, 0644u);
  EXPECT_EQ(place.heard.bytes, 0u);
}

TEST(JobMetadataRules, ALinkWithOtherNamesIsNotMendedUnderThem) {
  MetadataPlace place;
  std::filesystem::create_hard_link(place.path("link"), place.path("other"));
  ++place.link.first.modified_seconds;
  ASSERT_TRUE(place.send({place.link}));
  EXPECT_EQ(place.status("link").st_mtim.tv_sec, test::kJobTime.tv_sec + 1);
  EXPECT_EQ(place.status("other").st_mtim.tv_sec, test::kJobTime.tv_sec);
}

TEST(JobMetadataRules, ADryRunTellsOfWhatWouldChangeBesideContentAndChangesNothing) {
  for (const Sameness sameness : {Sameness::kProven, Sameness::kByTimes, Sameness::kChecksum}) {
    MetadataPlace place;
    place.options.sameness = sameness;
    place.options.dry_run = true;
    place.send_all();
    EXPECT_TRUE(place.observer.would_be.empty()) << "all is alike";
    place.file.first.mode = 0600;
    ++place.link.first.modified_seconds;
    place.sub.first.mode = 0700;
    place.send_all();
    EXPECT_EQ(place.observer.would_be,
              (std::map<std::string, std::string>{
                  {"there/file", "metadata"}, {"there/link", "metadata"}, {"there/sub", "metadata"}}));
    EXPECT_EQ(place.status("file").st_mode & 07777, 0644u);
    EXPECT_EQ(place.status("sub").st_mode & 07777, 0755u);
    EXPECT_EQ(place.status("link").st_mtim.tv_sec, test::kJobTime.tv_sec);
  }
}

TEST(JobMetadataRules, AndOfOwnersAndAttributesOnlyWhereTheyAreAskedFor) {
  for (const bool asked : {true, false}) {
    MetadataPlace place;
    if (!place.can_have_attributes()) GTEST_SKIP() << "no attributes here";
    place.options.dry_run = true;
    place.options.attributes = asked;
    place.options.owner = asked;
    ASSERT_TRUE(set(place.path("file"), "user.other", "stays"));
    if (::geteuid() == 0) place.link.first.user = place.sub.first.group = "4711";
    place.send_all();
    EXPECT_EQ(place.observer.would_be.size(), !asked ? 0u : ::geteuid() == 0 ? 3u : 1u);
    EXPECT_EQ(attributes_of(place.path("file")), (Attributes{{"user.other", "stays"}}));
  }
}

TEST(JobMetadataRules, ADryRunLeavesAloneWhatStays) {
  MetadataPlace place;
  place.options.dry_run = true;
  place.options.existing = Existing::kKeep;
  place.file.first.mode = place.sub.first.mode = 0700;
  place.send_all();
  EXPECT_TRUE(place.observer.would_be.empty());
}

}  // namespace
}  // namespace farhand
