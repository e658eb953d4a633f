// PartFile: what is found again, what is left alone, and what is swept.
#include "protocol/transfer/part_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <functional>
#include <thread>
#include <tuple>

#include "protocol/transfer/stale_parts.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/job_peer.h"

namespace farhand {
namespace {

struct Parts {
  test::TemporaryDirectory place;
  SharedDirectory directory =
      std::make_shared<const UniqueFd>(::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  PartFile make(bool resumable = true) const {
    auto part = PartFile::make(directory, "leaf", "leaf", resumable);
    if (!part) throw std::runtime_error(part.error().message);
    return *std::move(part);
  }
  void leave(const std::string& content) const {
    PartFile part = make();
    EXPECT_TRUE(part.append(bytes_of(content)));
    part.set_kept(true);
  }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(place.path()), {}));
  }
  [[nodiscard]] std::string named() const { return place / resumable_part_name("leaf"); }
};

TEST(PartFile, GoesWithItsOwnerUnlessItIsKept) {
  const Parts parts;
  {
    PartFile part = parts.make();
    ASSERT_TRUE(part.append(bytes_of("x")));
    EXPECT_EQ(parts.count(), 1u);
    struct stat status {};
    ASSERT_EQ(::stat(parts.named().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0600));
  }
  EXPECT_EQ(parts.count(), 0u);
  parts.leave("x");
  EXPECT_EQ(parts.count(), 1u);
}

TEST(PartFile, NothingIsKeptThatIsEmptyOrCannotBeFoundAgain) {
  const Parts parts;
  parts.make().set_kept(true);
  {
    PartFile small = parts.make(false);
    ASSERT_TRUE(small.append(bytes_of("x")));
    small.set_kept(true);
  }
  EXPECT_EQ(parts.count(), 0u);
}

TEST(PartFile, WhatWasLeftIsFoundHashedAndContinued) {
  const Parts parts;
  parts.leave("begin");
  auto part = PartFile::find(parts.directory, "leaf", "leaf");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->hash_kept(false));
  EXPECT_EQ(part->end(), 5u);
  EXPECT_EQ(part->hash(), test::hash_of("begin"));
  ASSERT_TRUE(part->append(bytes_of(" and end")));
  EXPECT_EQ(part->hash(), test::hash_of("begin and end"));
  EXPECT_FALSE(PartFile::find(parts.directory, "other", "other"));
}

TEST(PartFile, WhatWasLeftStaysAlsoWhereItsHashingIsGivenUp) {
  const Parts parts;
  parts.leave("begin");
  std::ignore = PartFile::find(parts.directory, "leaf", "leaf");
  {
    auto part = PartFile::find(parts.directory, "leaf", "leaf");
    ASSERT_TRUE(part);
    EXPECT_FALSE(part->hash_kept(true));
  }
  auto part = PartFile::find(parts.directory, "leaf", "leaf");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->length(), 5u);
}

TEST(PartFile, HolesThatAreCopiedStayHoles) {
  const Parts parts;
  constexpr std::uint64_t kBytes = 8 << 20;
  parts.place.make_file("old", "begin");
  const UniqueFd old(::open((parts.place / "old").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::ftruncate(old.get(), static_cast<off_t>(kBytes)), 0);
  PartFile part = parts.make();
  ASSERT_TRUE(part.copy_from(old.get(), kBytes, false));
  EXPECT_EQ(part.end(), kBytes);
  EXPECT_EQ(part.hash(), test::hash_of("begin" + std::string(kBytes - 5, '\0')));
  struct stat status {};
  ASSERT_EQ(::fstat(part.fd(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kBytes));
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST(PartFile, OneThatIsInUseIsNotFoundAndNotTakenAway) {
  const Parts parts;
  PartFile first = parts.make();
  ASSERT_TRUE(first.append(bytes_of("mine")));
  EXPECT_FALSE(PartFile::find(parts.directory, "leaf", "leaf"));
  PartFile second = parts.make();
  EXPECT_FALSE(second.resumable());
  EXPECT_EQ(parts.count(), 2u);
  EXPECT_EQ(std::filesystem::file_size(parts.named()), 4u);
}

// In a thread of its own, in which this call fails.
void where_fails(long call, int error, const std::function<void()>& what) {
  bool denied = false;
  std::thread([&] {
    denied = test::deny_syscall(call, error);
    if (denied) what();
  }).join();
  if (!denied) GTEST_SKIP() << "filters of system calls are not permitted here";
}

TEST(PartFile, WhereThereAreNoLocksNothingIsLeftUnderTheNameThatWouldBeFoundAgain) {
  const Parts parts;
  where_fails(SYS_flock, EOPNOTSUPP, [&] {
    const PartFile part = parts.make();
    EXPECT_FALSE(part.resumable());
    EXPECT_EQ(parts.count(), 1u);
  });
  EXPECT_EQ(parts.count(), 0u);
}

TEST(PartFile, AnOlderOneStaysWhereThereAreNoLocks) {
  const Parts parts;
  parts.leave("begin");
  where_fails(SYS_flock, EOPNOTSUPP, [&] { EXPECT_FALSE(parts.make().resumable()); });
  EXPECT_EQ(std::filesystem::file_size(parts.named()), 5u);
}

TEST(PartFile, ARandomOneGoesThoughItCannotBeLookedAt) {
  const Parts parts;
  PartFile part = parts.make(false);
  where_fails(SYS_newfstatat, EIO, [&] { std::ignore = PartFile(std::move(part)); });
  EXPECT_EQ(parts.count(), 0u);
}

TEST(PartFile, WhatIsNoFileOfOursWithOneNameIsNotTakenOver) {
  const auto refused = [](const auto& spoil) {
    const Parts parts;
    parts.leave("x");
    spoil(parts);
    EXPECT_FALSE(PartFile::find(parts.directory, "leaf", "leaf"));
    EXPECT_FALSE(parts.make().resumable());
  };
  refused([](const Parts& parts) { ASSERT_EQ(::chmod(parts.named().c_str(), 0620), 0); });
  refused([](const Parts& parts) { std::filesystem::create_hard_link(parts.named(), parts.place / "second"); });
  refused([](const Parts& parts) {
    std::filesystem::rename(parts.named(), parts.place / "elsewhere");
    std::filesystem::create_symlink("elsewhere", parts.named());
  });
  refused([](const Parts& parts) {
    std::filesystem::remove(parts.named());
    std::filesystem::create_directory(parts.named());
  });
}

TEST(PartFile, AGapReadsAndHashesAsZeros) {
  const Parts parts;
  PartFile part = parts.make();
  const std::uint64_t gap = PartFile::kSkipStep + 1;
  ASSERT_TRUE(part.append(bytes_of("a")));
  auto done = part.skip_to(1 + gap);
  ASSERT_TRUE(done);
  EXPECT_FALSE(*done) << "a step at a time";
  done = part.skip_to(1 + gap);
  ASSERT_TRUE(done && *done);
  ASSERT_TRUE(part.append(bytes_of("b")));
  EXPECT_EQ(part.hash(), test::hash_of("a" + std::string(gap, '\0') + "b"));
  struct stat status {};
  ASSERT_EQ(::fstat(part.fd(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(gap + 2));
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST(PartFile, RestartingForgetsEverything) {
  const Parts parts;
  PartFile part = parts.make();
  ASSERT_TRUE(part.append(bytes_of("wrong and long")));
  ASSERT_TRUE(part.restart());
  ASSERT_TRUE(part.append(bytes_of("right")));
  EXPECT_EQ(part.hash(), test::hash_of("right"));
  EXPECT_EQ(std::filesystem::file_size(parts.named()), 5u);
}

TEST(StaleParts, OldOnesThatNobodyHoldsAreSweptAndNothingElse) {
  const Parts parts;
  parts.leave("left");
  parts.place.make_file(".farhand-part-of-somebody", "random");
  parts.place.make_file("ordinary", "stays");
  parts.place.make_link(".farhand-part-link", "ordinary");
  PartFile held = *PartFile::make(parts.directory, "held", "held", true);
  sweep_stale_parts(parts.directory->get(), std::time(nullptr) - 3600);
  EXPECT_EQ(parts.count(), 5u) << "they are young";
  sweep_stale_parts(parts.directory->get(), std::time(nullptr) + 3600);
  EXPECT_EQ(parts.count(), 2u);
  EXPECT_TRUE(std::filesystem::exists(parts.place / resumable_part_name("held")));
  EXPECT_TRUE(std::filesystem::exists(parts.place / "ordinary"));
}

}  // namespace
}  // namespace farhand
