// TreeListing: the walk's entries in the walk's order, with the hashes of what the files hold.
#include "protocol/transfer/tree_listing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "common/deadline.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/channel_pair.h"
#include "tests/unit/protocol/walked.h"

namespace farhand::test {
namespace {

// To its end, taken in parts of `part_bytes`.
Walked listed(TreeListing& listing, std::size_t part_bytes = 64 << 10) {
  Walked all;
  while (!listing.ended()) {
    TreeListing::Part part = listing.take(part_bytes);
    std::move(part.entries.begin(), part.entries.end(), std::back_inserter(all.entries));
    std::move(part.troubles.begin(), part.troubles.end(), std::back_inserter(all.troubles));
    if (!part.empty() || listing.ended()) continue;
    pollfd more{listing.fd(), POLLIN, 0};
    if (::poll(&more, 1, soon().poll_timeout()) != 1) throw_errno("poll");
  }
  return all;
}

HashValue hash_of(std::string_view content) {
  ContentHash hash;
  hash.add(bytes_of(content));
  return hash.value();
}

// By this process.
bool is_open(const std::string& path) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) == path) return true;
  }
  return false;
}

TreeWalk::Options files_alone() {
  TreeWalk::Options options;
  options.hard_links = false;
  return options;
}

std::string numbered(int number) {
  return "f" + std::to_string(10000 + number);
}

TEST(TreeListing, EntriesComeInTheWalksOrderWithTheHashesOfTheirContent) {
  const TemporaryDirectory directory;
  constexpr int kFiles = 300;
  const auto content = [](int number) {
    return std::string(static_cast<std::size_t>(number) * 977 % 400'000, 'x');
  };
  for (int i = 0; i < kFiles; ++i) {
    if (i % 100 == 0) directory.make_directory("d" + std::to_string(i));
    directory.make_file("d" + std::to_string(i / 100 * 100) + "/" + numbered(i), content(i));
  }
  TreeListing listing(walk_through(directory), true);
  const Walked all = listed(listing, 100);
  EXPECT_EQ(all.paths(), walked(directory).paths());
  EXPECT_TRUE(all.troubles.empty());
  for (int i = 0; i < kFiles; ++i) {
    const Entry& entry = all.at("d" + std::to_string(i / 100 * 100) + "/" + numbered(i));
    EXPECT_TRUE(entry.hashed);
    EXPECT_EQ(entry.size, content(i).size());
    EXPECT_EQ(entry.hash, hash_of(content(i))) << i;
  }
}

TEST(TreeListing, OnlyFilesAreHashedAndOnlyWhenAskedFor) {
  const TemporaryDirectory directory;
  directory.make_directory("d");
  directory.make_file("file", "content");
  directory.make_link("link", "file");
  directory.make_pipe("pipe");
  TreeListing hashed(walk_through(directory), true);
  for (const Entry& entry : listed(hashed).entries) EXPECT_EQ(entry.hashed, entry.path == "file") << entry.path;
  TreeListing plain(walk_through(directory), false);
  for (const Entry& entry : listed(plain).entries) EXPECT_FALSE(entry.hashed) << entry.path;
}

TEST(TreeListing, FurtherNamesOfAFileAreFilesToo) {
  const TemporaryDirectory directory;
  directory.make_file("a", "shared");
  ASSERT_EQ(::link((directory / "a").c_str(), (directory / "b").c_str()), 0);
  TreeListing listing(walk_through(directory, files_alone()), true);
  const Walked all = listed(listing);
  EXPECT_EQ(all.at("b").kind, EntryKind::kFile);
  EXPECT_EQ(all.at("b").hash, hash_of("shared"));
}

// The helpers run ahead of who takes, and no further than they are allowed to: what is behind that is opened later.
TEST(TreeListing, AFileThatVanishesBeforeItIsReadIsATroubleAndItsNeighboursAreNot) {
  const TemporaryDirectory directory;
  constexpr int kFiles = 1500;
  for (int i = 0; i < kFiles; ++i) directory.make_file(numbered(i), "");
  TreeListing listing(walk_through(directory), true);
  std::size_t taken = 0;
  while (taken < 2) {  // the directory itself, and the first name in it: all of them have been read then
    pollfd more{listing.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&more, 1, soon().poll_timeout()), 1);
    taken += listing.take(1).entries.size();
  }
  ASSERT_EQ(::unlink((directory / numbered(kFiles - 1)).c_str()), 0);
  const Walked rest = listed(listing);
  ASSERT_EQ(rest.troubles.size(), 1U);
  EXPECT_EQ(rest.troubles.front().code, ErrorCode::kNotFound);
  EXPECT_NE(rest.troubles.front().message.find(numbered(kFiles - 1)), std::string::npos);
  EXPECT_TRUE(rest.at(numbered(kFiles - 2)).hashed);
}

// Reading a process's memory at 0 is EIO for everybody, root included; its status is a file of no size that has
// content.
TEST(TreeListing, AFileThatCannotBeReadHasNoHashAndOneThatTellsNoSizeIsReadToItsEnd) {
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of("/proc/self/mem", "mem"));
  tops.push_back(top_of("/proc/self/status", "status"));
  TreeListing listing(walk_through(std::move(tops)), true);
  const Walked all = listed(listing);
  ASSERT_EQ(all.troubles.size(), 1U);
  EXPECT_EQ(all.troubles.front().path, "mem");
  EXPECT_EQ(all.troubles.front().code, ErrorCode::kFileTrouble);
  EXPECT_FALSE(all.at("mem").hashed);
  EXPECT_TRUE(all.at("status").hashed);
  EXPECT_GT(all.at("status").size, 0U);
}

TEST(TreeListing, WhatIsTakenInOnePartIsBounded) {
  const TemporaryDirectory directory;
  for (int i = 0; i < 500; ++i) directory.make_file(numbered(i) + std::string(200, 'n'), "");
  TreeListing listing(walk_through(directory), false);
  std::size_t most = 0;
  while (!listing.ended()) most = std::max(most, listing.take(2000).entries.size());
  EXPECT_GT(most, 0U);
  EXPECT_LT(most, 12U);  // each takes more than 200
}

// A terabyte of zeros: whoever read to its end would be read of in an hour.
TEST(TreeListing, AListingThatIsGivenUpReadsNoFurtherAndLeavesNothingOpen) {
  const TemporaryDirectory directory;
  directory.make_file("a-huge", "");
  if (::truncate((directory / "a-huge").c_str(), off_t{1} << 40) != 0)
    GTEST_SKIP() << "no sparse file can be this large";
  for (int i = 0; i < 1200; ++i) directory.make_file(numbered(i), "");
  const std::size_t before = open_descriptors();
  {
    TreeListing listing(walk_through(directory), true);
    const Deadline deadline = soon();
    while (!is_open(directory / "a-huge") && !deadline.passed()) std::this_thread::yield();
    ASSERT_TRUE(is_open(directory / "a-huge"));
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace farhand::test
