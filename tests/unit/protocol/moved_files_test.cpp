// Files that were renamed at the sender: found in the target under their old names, and proven by a hash.
#include "protocol/transfer/moved_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "protocol/transfer/entry_judge.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::JobPair;
using test::pattern;

constexpr std::size_t kSize = 400'000;

void rename_in(const JobPair& pair, const std::string& from, const std::string& to) {
  std::filesystem::rename(pair.source / from, pair.source / to);
}

TEST(MovedFiles, ARenamedFileIsNotSentAgain) {
  JobPair pair;
  pair.make("old", pattern(kSize));
  pair.make("other", pattern(kSize, 5));
  pair.run();
  rename_in(pair, "old", "new");
  const auto ends = pair.run();
  EXPECT_EQ(ends.sender.bytes, 0u);
  EXPECT_EQ(ends.receiver.files, 1u);
  EXPECT_TRUE(pair.place.content("new") == pattern(kSize));
  EXPECT_TRUE(pair.place.content("old") == pattern(kSize)) << "nobody asked for its end";
}

TEST(MovedFiles, AMovedDirectoryIsNotSentAgainAndTheOldOneGoesWhereThatIsAskedFor) {
  JobPair pair;
  pair.place.options.delete_extra = true;
  for (int i = 0; i < 100; ++i) pair.make("a/" + std::to_string(i), pattern(kLeastDelta, static_cast<unsigned>(i)));
  pair.run();
  rename_in(pair, "a", "b");
  const auto ends = pair.run();
  EXPECT_EQ(ends.sender.bytes, 0u);
  EXPECT_EQ(ends.receiver.deleted, 101u);
  EXPECT_TRUE(pair.alike());
}

TEST(MovedFiles, RotatedLogsAreOnlyCopied) {
  JobPair pair;
  for (int i = 0; i < 4; ++i)
    pair.make("log." + std::to_string(i), pattern(kSize + static_cast<std::size_t>(i), static_cast<unsigned>(i)));
  pair.run();
  for (int i = 4; i > 0; --i) rename_in(pair, "log." + std::to_string(i - 1), "log." + std::to_string(i));
  pair.make("log.0", "fresh");
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(ends.receiver.failed, 0u);
}

TEST(MovedFiles, AnotherContentOfTheSameSizeAndTimeIsSent) {
  JobPair pair;
  pair.make("old", pattern(kSize));
  pair.run();
  rename_in(pair, "old", "new");
  std::string content = pattern(kSize);
  content[7] ^= 1;
  struct stat status {};
  ASSERT_EQ(::stat((pair.source / "new").c_str(), &status), 0);
  pair.source.make_file("new", content, 0644);
  const timespec times[2] = {status.st_mtim, status.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (pair.source / "new").c_str(), times, 0), 0);
  EXPECT_EQ(pair.run().sender.bytes, kSize);
  EXPECT_TRUE(pair.place.content("new") == content);
}

TEST(MovedFiles, SmallFilesAreSentAgain) {
  JobPair pair;
  pair.make("old", pattern(kLeastDelta - 1));
  pair.run();
  rename_in(pair, "old", "new");
  EXPECT_EQ(pair.run().sender.bytes, kLeastDelta - 1);
}

TEST(MovedFiles, ACopyOfEqualNameInAnotherDirectoryIsFoundWhateverItsTime) {
  JobPair pair;
  pair.make("a/name", pattern(kSize));
  pair.run();
  pair.make("b/name", pattern(kSize));
  EXPECT_EQ(pair.run().sender.bytes, 0u);
  EXPECT_TRUE(pair.alike());
}

}  // namespace
}  // namespace farhand
