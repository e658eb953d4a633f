// Reading a base: sums while it is read, and as many as were announced whatever becomes of the file.
#include "protocol/transfer/base_reading.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <thread>

#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/delta_support.h"
#include "tests/unit/protocol/job_peer.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::pattern;
using test::TemporaryDirectory;

constexpr std::size_t kSize = 9 << 20;  // two steps and some

struct Base {
  TemporaryDirectory directory;
  std::string content = pattern(kSize);
  std::atomic<bool> stop = false;

  Base() { directory.make_file("base", content); }
  [[nodiscard]] UniqueFd open() const { return UniqueFd(::open((directory / "base").c_str(), O_RDONLY | O_CLOEXEC)); }
  void cut(std::size_t bytes) const {
    ASSERT_EQ(::truncate((directory / "base").c_str(), static_cast<off_t>(bytes)), 0);
  }
};

// Everything, as it comes; how often something came.
std::size_t take_all(BaseReading& reading, BaseReading::Sums& all) {
  for (std::size_t times = 0;; ++times) {
    pollfd news{reading.fd(), POLLIN, 0};
    if (::poll(&news, 1, 30'000) != 1) {
      ADD_FAILURE() << "no news";
      return times;
    }
    const BaseReading::Sums more = reading.take();
    all.weak.insert(all.weak.end(), more.weak.begin(), more.weak.end());
    all.strong.insert(all.strong.end(), more.strong.begin(), more.strong.end());
    if (more.ended) return times + 1;
  }
}

// As a signature with the reading's own seed has them.
std::vector<std::uint64_t> strong_sums(const BaseReading& reading, const std::string& content) {
  auto maker = delta::SignatureMaker::begin(reading.shape());
  EXPECT_TRUE(maker->add(bytes_of(content)) && maker->finish());
  return maker->signature().strong;
}

TEST(BaseReading, GivesTheSumsAndTheHash) {
  const Base base;
  BaseReading reading(base.open(), kSize);
  reading.run(base.stop);
  BaseReading::Sums all;
  take_all(reading, all);
  EXPECT_EQ(all.strong, strong_sums(reading, base.content));
  EXPECT_EQ(all.weak.size(), reading.shape().blocks());
  EXPECT_EQ(reading.hash()->value(), test::hash_of(base.content));
}

TEST(BaseReading, HandsSumsOutWhileItReads) {
  const Base base;
  BaseReading reading(base.open(), kSize);
  std::thread helper([&] { reading.run(base.stop); });
  BaseReading::Sums all;
  take_all(reading, all);
  helper.join();
  EXPECT_EQ(all.strong, strong_sums(reading, base.content));
}

TEST(BaseReading, ASparedHashIsNone) {
  const Base base;
  BaseReading reading(base.open(), kSize);
  reading.hash()->spare();
  reading.run(base.stop);
  EXPECT_FALSE(reading.hash()->value());
}

TEST(BaseReading, OfABaseThatWasCutTheRestFitsNothingAndNoneIsMissing) {
  const Base base;
  BaseReading reading(base.open(), kSize);
  base.cut(5 << 20);
  reading.run(base.stop);
  BaseReading::Sums all;
  take_all(reading, all);
  const auto whole = strong_sums(reading, base.content);
  const std::size_t left = (5 << 20) / reading.shape().block_bytes;
  ASSERT_EQ(all.strong.size(), whole.size());
  ASSERT_EQ(all.weak.size(), whole.size());
  EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + left, all.strong.begin()));
  for (std::size_t i = left; i < whole.size(); ++i) EXPECT_NE(all.strong[i], whole[i]);
  EXPECT_FALSE(reading.hash()->value());
}

TEST(BaseReading, OfABaseThatGrewOnlyWhatWasAnnouncedIsRead) {
  const Base base;
  BaseReading reading(base.open(), 5 << 20);
  reading.run(base.stop);
  BaseReading::Sums all;
  take_all(reading, all);
  EXPECT_EQ(all.strong, strong_sums(reading, base.content.substr(0, 5 << 20)));
}

TEST(BaseReading, WhatCannotBeReadAtAllStillHasItsSums) {
  const Base base;
  BaseReading reading(UniqueFd(::open(base.directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), kSize);
  reading.run(base.stop);
  BaseReading::Sums all;
  take_all(reading, all);
  EXPECT_EQ(all.strong.size(), reading.shape().blocks());
}

TEST(BaseReading, ToldToStopItEndsAndSaysSo) {
  Base base;
  BaseReading reading(base.open(), kSize);
  base.stop = true;
  reading.run(base.stop);
  BaseReading::Sums all;
  EXPECT_EQ(take_all(reading, all), 1u);
  EXPECT_TRUE(all.strong.empty());
}

}  // namespace
}  // namespace farhand
