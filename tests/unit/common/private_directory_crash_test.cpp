// PrivateDirectory under kill -9 at every system call: a file is the old one or the new one, and no rubbish stays.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "common/private_directory.h"
#include "tests/support/kill_at_syscall.h"
#include "tests/support/temporary_directory.h"

namespace farhand::test {
namespace {

const std::string kOld(10'000, 'o');
const std::string kNew(20'000, 'n');

std::set<std::string> entries(const std::string& path) {
  std::set<std::string> found;
  DIR* list = ::opendir(path.c_str());
  for (const dirent* entry = ::readdir(list); entry != nullptr; entry = ::readdir(list)) found.insert(entry->d_name);
  ::closedir(list);
  return found;
}

TEST(PrivateDirectoryCrash, AWriteThatIsKilledAnywhereLeavesTheOldOrTheNewFile) {
  const TemporaryDirectory around;
  const PrivateDirectory directory = PrivateDirectory::open_or_make(around / "keys").value();
  std::set<std::string> seen;
  const int kills = kill_at_every_syscall(
      [&] { ASSERT_TRUE(directory.write("file", kOld)); },
      [&] {
        if (!directory.write("file", kNew)) throw std::runtime_error("write");
      },
      [&] {
        const auto content = directory.read("file");
        ASSERT_TRUE(content) << content.error().message;
        ASSERT_TRUE(*content == kOld || *content == kNew) << content->size() << " bytes";
        seen.insert(*content);
        EXPECT_EQ(directory.names().value(), std::vector<std::string>{"file"}) << "a draft is no file";
        ASSERT_TRUE(directory.lock());
        EXPECT_EQ(entries(directory.path()), (std::set<std::string>{".", "..", ".lock", "file"})) << "drafts are swept";
      });
  EXPECT_GE(kills, 12) << "open, lock, stat, chmod, write, sync, rename, sync, twice each but for some";
  EXPECT_EQ(seen.size(), 2u);
}

TEST(PrivateDirectoryCrash, AFirstWriteThatIsKilledAnywhereLeavesNothingOrAll) {
  const TemporaryDirectory around;
  const PrivateDirectory directory = PrivateDirectory::open_or_make(around / "keys").value();
  kill_at_every_syscall([&] { (void)directory.remove("file"); }, [&] { (void)directory.write("file", kNew); },
                        [&] {
                          const auto content = directory.read("file");
                          if (content) {
                            EXPECT_EQ(*content, kNew);
                          } else {
                            EXPECT_EQ(content.error().code, ErrorCode::kNotFound);
                          }
                        });
}

TEST(PrivateDirectoryCrash, RenamingAndRemovingHappenOrDoNot) {
  const TemporaryDirectory around;
  const PrivateDirectory directory = PrivateDirectory::open_or_make(around / "keys").value();
  const auto prepare = [&] {
    (void)directory.remove("moved");
    ASSERT_TRUE(directory.write("file", kOld));
  };
  const auto exactly_one = [&] {
    const auto names = directory.names().value();
    ASSERT_EQ(names.size(), 1u);
    EXPECT_EQ(directory.read(names.front()).value(), kOld);
  };
  kill_at_every_syscall(
      prepare, [&] { (void)directory.rename("file", "moved"); }, exactly_one);
  kill_at_every_syscall(
      prepare, [&] { (void)directory.remove("file"); }, [&] { EXPECT_LE(directory.names().value().size(), 1u); });
}

TEST(PrivateDirectoryCrash, ADirectoryWhoseMakingIsKilledAnywhereIsMadeByTheNextOne) {
  const TemporaryDirectory around;
  const std::string path = around / "a/b/keys";
  kill_at_every_syscall(
      [&] {
        for (const char* name : {"a/b/keys", "a/b", "a"}) ::rmdir((around / name).c_str());
      },
      [&] { (void)PrivateDirectory::open_or_make(path); },
      [&] {
        const auto made = PrivateDirectory::open_or_make(path);
        EXPECT_TRUE(made) << made.error().message;
      });
}

}  // namespace
}  // namespace farhand::test
