// RootedDirectory while a directory and a link trade places under its hands: no moment lets anybody out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <atomic>
#include <optional>
#include <thread>

#include "common/file_io.h"
#include "common/rooted_path.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Method = RootedDirectory::Method;

constexpr int kRounds = 20'000 * FARHAND_TEST_SCALE;

// Exchanges two names over and over until it goes.
class Flipper {
 public:
  Flipper(std::string one, std::string other)
      : thread_([this, one = std::move(one), other = std::move(other)] {
          while (!stop_) {
            if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) ++flips_;
          }
        }) {}
  ~Flipper() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] long flips() const { return flips_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<long> flips_ = 0;
  std::thread thread_;
};

struct Tally {
  int inside = 0;
  int refused = 0;
  std::string escape;  // content that was reached and must not have been
};

std::string content_of(const UniqueFd& file) {
  std::byte block[64];
  const ssize_t got = read_some(file.get(), block);
  return got < 0 ? "unreadable" : std::string(text_of(Bytes(block).first(static_cast<std::size_t>(got))));
}

void read_once(const RootedDirectory& root, const std::string& name, Tally& tally) {
  const auto opened = root.open_existing(name, O_RDONLY);
  if (!opened) {
    ++tally.refused;
    return;
  }
  const std::string content = content_of(*opened);
  if (content == "inside") {
    ++tally.inside;
  } else {
    tally.escape = content;
  }
}

// By way of open_parent, as create, rename and unlink do.
void read_through_parent(const RootedDirectory& root, const std::string& name, Tally& tally) {
  const auto target = root.open_parent(name);
  if (!target) {
    ++tally.refused;
    return;
  }
  const UniqueFd file(::openat(target->parent.get(), target->leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const std::string content = file ? content_of(file) : "no such file in the parent";
  if (content == "inside") {
    ++tally.inside;
  } else {
    tally.escape = content;
  }
}

class RootedRace : public testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    tree.make_directory("outside/sub");
    tree.make_file("outside/file", "OUTSIDE");
    tree.make_file("outside/sub/file", "OUTSIDE");
    tree.make_file("file", "OUTSIDE");
    tree.make_directory("root/real/sub");
    tree.make_file("root/file", "inside");
    tree.make_file("root/real/file", "inside");
    tree.make_file("root/real/sub/file", "inside");
    tree.make_link("root/link", "../outside");
    root.emplace(*RootedDirectory::open(tree / "root", GetParam()));
  }

  test::TemporaryDirectory tree;
  std::optional<RootedDirectory> root;
};

INSTANTIATE_TEST_SUITE_P(Methods, RootedRace, testing::Values(Method::kOpenat2, Method::kWalk),
                         [](const auto& instance) { return instance.param == Method::kWalk ? "Walk" : "Openat2"; });

TEST_P(RootedRace, DirectorySwappedForALinkLeadsNowhereElse) {
  Flipper flipper(tree / "root/real", tree / "root/link");
  Tally tally;
  for (int i = 0; i < kRounds && tally.escape.empty(); ++i) {
    read_once(*root, "real/file", tally);
    read_once(*root, "real/sub/../file", tally);
    read_once(*root, "link/sub/../sub/file", tally);
    read_through_parent(*root, "real/sub/file", tally);
  }
  flipper.stop();
  EXPECT_EQ(tally.escape, "");
  EXPECT_GT(flipper.flips(), 100);
  EXPECT_GT(tally.inside, 0) << "the honest moments must work";
  EXPECT_GT(tally.refused, 0) << "the link was never met, so nothing was tested";
}

// A directory that is moved up while the resolution stands in it: ".." must not count from the new place.
TEST_P(RootedRace, DirectoryMovedUpMeanwhileDoesNotTakeDotDotAlong) {
  tree.make_directory("root/x/y/z");
  tree.make_directory("outside/empty");
  Flipper flipper(tree / "root/x/y", tree / "outside/empty");
  Tally tally;
  for (int i = 0; i < kRounds && tally.escape.empty(); ++i) {
    read_once(*root, "x/y/z/../../../file", tally);
    read_once(*root, "x/y/../../file", tally);
  }
  flipper.stop();
  EXPECT_EQ(tally.escape, "");
  EXPECT_GT(flipper.flips(), 100);
  EXPECT_GT(tally.inside, 0);
}

TEST_P(RootedRace, FileSwappedForALinkAtTheEndOfTheNameLeadsNowhereElse) {
  tree.make_file("root/plain", "inside");
  tree.make_link("root/trap", "../file");
  Flipper flipper(tree / "root/plain", tree / "root/trap");
  Tally tally;
  for (int i = 0; i < kRounds && tally.escape.empty(); ++i) read_once(*root, "plain", tally);
  flipper.stop();
  EXPECT_EQ(tally.escape, "");
  EXPECT_GT(tally.inside, 0);
  EXPECT_GT(tally.refused, 0);
}

// The honest twins: both sides of the exchange are inside, so nothing may ever be refused.
TEST_P(RootedRace, DirectorySwappedForALinkInsideNeverFails) {
  tree.make_directory("root/one");
  tree.make_file("root/one/file", "inside");
  tree.make_link("root/two", "real");
  Flipper flipper(tree / "root/one", tree / "root/two");
  Tally tally;
  for (int i = 0; i < kRounds; ++i) read_once(*root, "one/file", tally);
  flipper.stop();
  EXPECT_EQ(tally.refused, 0);
  EXPECT_EQ(tally.inside, kRounds);
}

TEST_P(RootedRace, FileSwappedForALinkInsideNeverFails) {
  tree.make_file("root/one", "inside");
  tree.make_link("root/two", "real/file");
  Flipper flipper(tree / "root/one", tree / "root/two");
  Tally tally;
  for (int i = 0; i < kRounds; ++i) read_once(*root, "one", tally);
  flipper.stop();
  EXPECT_EQ(tally.refused, 0);
  EXPECT_EQ(tally.inside, kRounds);
}

}  // namespace
}  // namespace farhand
