// Hashing a stretch of a file: its holes, its end, and being told to stop.
#include "protocol/transfer/range_hash.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

#include "common/unique_fd.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/job_peer.h"

namespace farhand {
namespace {

using test::hash_of;
using test::JobPlace;
using test::ScriptedSender;
using Clock = std::chrono::steady_clock;

constexpr off_t kHuge = off_t{900} << 30;  // a hole that takes a minute or so
constexpr std::chrono::seconds kSoon{10};

struct File {
  test::TemporaryDirectory directory;
  UniqueFd fd;
  explicit File(const std::string& content, off_t size = 0) {
    directory.make_file("file", content);
    fd.reset(::open((directory / "file").c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(size > 0 ? ::ftruncate(fd.get(), size) : 0, 0);
  }
};

TEST(RangeHash, HolesAreHashedAsTheZerosThatTheyAre) {
  const std::string zeros(3 << 20, '\0');
  const File file("begin" + zeros);
  ASSERT_EQ(::ftruncate(file.fd.get(), 5), 0);
  ASSERT_EQ(::pwrite(file.fd.get(), "end", 3, static_cast<off_t>(5 + zeros.size())), 3);
  ASSERT_EQ(::ftruncate(file.fd.get(), static_cast<off_t>(8 + 2 * zeros.size())), 0);
  ContentHash hash;
  const HashedRange done = hash_range(file.fd.get(), 0, 8 + 2 * zeros.size(), hash, false);
  EXPECT_EQ(done.end, 8 + 2 * zeros.size());
  EXPECT_EQ(done.error, 0);
  EXPECT_EQ(hash.value(), hash_of("begin" + zeros + "end" + zeros));
}

TEST(RangeHash, ItEndsWhereItIsToldOrWhereTheFileDoes) {
  const File file("content");
  ContentHash some;
  EXPECT_EQ(hash_range(file.fd.get(), 1, 4, some, false).end, 4u);
  EXPECT_EQ(some.value(), hash_of("ont"));
  ContentHash all;
  EXPECT_EQ(hash_range(file.fd.get(), 0, 100, all, false).end, 7u);
  EXPECT_EQ(all.value(), hash_of("content"));
}

TEST(RangeHash, AFailureIsToldAndSoIsNothingBeforeAStop) {
  ContentHash hash;
  EXPECT_EQ(hash_range(-1, 0, 10, hash, false).error, EBADF);
  const File file("", kHuge);
  const auto begun = Clock::now();
  EXPECT_EQ(hash_range(file.fd.get(), 0, kHuge, hash, true).end, 0u);
  EXPECT_LT(Clock::now() - begun, kSoon);
}

// It used to wait until all of the old file had been hashed, whoever was gone.
TEST(RangeHash, AJobThatIsAbandonedDoesNotWaitForIt) {
  for (const bool ends_with_a_word : {false, true}) {
    JobPlace place;
    place.options.sameness = Sameness::kChecksum;
    place.make_old("huge", "");
    ASSERT_EQ(::truncate(place.path("huge").c_str(), kHuge), 0);
    Entry entry = test::file_entry("huge", "");
    entry.size = kHuge;
    const auto begun = Clock::now();
    const auto outcome = place.run([&](ScriptedSender& sender) {
      sender.list({entry});
      if (!ends_with_a_word) return;
      sender.finish(false);
      sender.end();
    });
    EXPECT_EQ(outcome && *outcome, ends_with_a_word);
    EXPECT_LT(Clock::now() - begun, kSoon);
  }
}

TEST(RangeHash, WhatIsNearlyAllZerosIsNotCompared) {
  JobPlace place;
  place.options.sameness = Sameness::kChecksum;
  place.make_old("huge", "");
  ASSERT_EQ(::truncate(place.path("huge").c_str(), off_t{3} << 40), 0);
  Entry entry = test::file_entry("huge", "");
  entry.size = std::uint64_t{3} << 40;
  ASSERT_TRUE(place.run([&](ScriptedSender& sender) {
    sender.list({entry});
    EXPECT_EQ(sender.verdicts(1).front().need, Need::kWhole);
    sender.finish(false);
    sender.end();
  }));
}

}  // namespace
}  // namespace farhand
