// Deltas in a job, both engines together: what is sent of a file of which an older one is there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/transfer/entry_judge.h"
#include "protocol/transfer/part_file.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::file_entry;
using test::JobPair;
using test::JobPlace;
using test::pattern;

constexpr std::size_t kSize = 2'000'003;

TEST(JobDelta, AChangeCostsAboutABlock) {
  JobPair pair;
  std::string content = pattern(kSize);
  pair.place.make_old("file", content);
  content.replace(kSize / 2, 5, "other");
  content.insert(1000, "more");
  pair.make("file", content);
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_LT(ends.sender.bytes, 16u << 10);
  EXPECT_EQ(ends.receiver.bytes, ends.sender.bytes);
  EXPECT_EQ(ends.receiver.files, 1u);
  EXPECT_EQ(pair.sent.moved_bytes + pair.sent.spared_bytes, content.size());
  EXPECT_EQ(pair.place.observer.bytes_moved + pair.place.observer.bytes_spared, content.size());
}

TEST(JobDelta, WithoutBeingAskedForThereIsNone) {
  JobPair pair;
  pair.place.options.delta = false;
  pair.place.make_old("file", pattern(kSize));
  pair.make("file", pattern(kSize) + "end");
  EXPECT_EQ(pair.run().sender.bytes, kSize + 3);
}

TEST(JobDelta, SmallFilesAreSentWhole) {
  for (const std::size_t bytes : {kLeastDelta - 1, kLeastDelta}) {
    JobPair pair;
    pair.place.make_old("file", pattern(kLeastDelta));
    pair.make("file", pattern(bytes));
    const auto sent = pair.run().sender.bytes;
    EXPECT_EQ(sent, bytes < kLeastDelta ? bytes : 0) << bytes;
    EXPECT_TRUE(pair.alike());
  }
}

TEST(JobDelta, ALargeFileThatBecameSmallAndOneThatBecameEmptyAreRight) {
  JobPair pair;
  pair.place.make_old("empty", pattern(kSize));
  pair.place.make_old("small", pattern(kSize));
  pair.place.make_old("shorter", pattern(kSize));
  pair.make("empty", "");
  pair.make("small", "x");
  pair.make("shorter", pattern(kSize).substr(0, kSize / 2));
  pair.run();
  EXPECT_TRUE(pair.alike());
}

TEST(JobDelta, ByChecksumAnEqualFileStaysAndAnUnequalOneCostsADelta) {
  JobPair pair;
  pair.place.options.sameness = Sameness::kChecksum;
  std::string content = pattern(kSize);
  pair.place.make_old("same", content);
  pair.place.make_old("other", content);
  const auto before = pair.place.status("same").st_ino;
  pair.make("same", content);
  content.replace(7, 5, "other");
  pair.make("other", content);
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(pair.place.status("same").st_ino, before);
  EXPECT_EQ(ends.receiver.unchanged, 1u);
  EXPECT_LT(ends.sender.bytes, 16u << 10);
}

TEST(JobDelta, HolesOfTheNewFileStayHoles) {
  JobPair pair;
  const std::string begin = pattern(300'000);
  const std::string end = pattern(200'000, 9);
  std::string content = begin + std::string(16 << 20, '\0') + end;
  pair.place.make_old("file", begin + end);
  pair.make("file", begin);
  const UniqueFd file(::open((pair.source / "file").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::pwrite(file.get(), end.data(), end.size(), static_cast<off_t>(content.size() - end.size())),
            static_cast<ssize_t>(end.size()));
  const auto ends = pair.run();
  EXPECT_TRUE(pair.place.content("file") == content);
  EXPECT_LT(pair.place.status("file").st_blocks * 512, 4 << 20);
  EXPECT_LT(ends.sender.bytes, 64u << 10);
}

TEST(JobDelta, ManyOfThemGoThroughTinyBuffers) {
  JobPair pair;
  pair.place.tiny = true;
  for (int i = 0; i < 60; ++i) {
    const std::string name = std::to_string(i);
    pair.place.make_old(name, pattern(100'000, static_cast<unsigned>(i)));
    pair.make(name, "front" + pattern(100'000, static_cast<unsigned>(i)));
  }
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_LT(ends.sender.bytes, 60u * 4096);
}

TEST(JobDelta, WhatIsInterruptedNearItsEndIsContinuedAndNotBegunAnew) {
  JobPair pair;
  const std::string content = pattern(kSize);
  for (const bool late : {false, true}) {
    pair.place.make_old("file", content.substr(1));
    pair.make("file", content);
    const std::size_t left = late ? kSize - 1000 : kSize / 4;
    pair.place.directory.make_file("there/" + resumable_part_name("file"), content.substr(0, left), 0600);
    EXPECT_LT(pair.run().sender.bytes, 8192u) << late;
    EXPECT_TRUE(pair.alike()) << late;
  }
}

TEST(JobDelta, UnchangedFilesAreNotRead) {
  JobPair pair;
  pair.make("file", pattern(kSize));
  pair.run();
  ASSERT_EQ(::truncate((pair.source / "file").c_str(), 0), 0);  // what is read now is not what it was
  ASSERT_EQ(::truncate((pair.source / "file").c_str(), kSize), 0);
  struct stat status {};
  ASSERT_EQ(::stat(pair.place.path("file").c_str(), &status), 0);
  const timespec times[2] = {status.st_mtim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (pair.source / "file").c_str(), times, 0), 0);
  const auto ends = pair.run();
  EXPECT_EQ(ends.receiver.unchanged, 1u);
  EXPECT_TRUE(pair.place.content("file") == pattern(kSize)) << "same size and time: nobody looked";
}

}  // namespace
}  // namespace farhand
