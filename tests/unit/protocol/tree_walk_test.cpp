// TreeWalk: which entries a tree has, in which order, and what becomes of what cannot be read.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "common/file_io.h"
#include "tests/support/as_nobody.h"
#include "tests/support/deny_syscall.h"
#include "tests/unit/protocol/walked.h"

namespace farhand {
namespace {

using test::TemporaryDirectory;
using test::top_of;
using test::walk_through;
using test::Walked;
using test::walked;
using Paths = std::vector<std::string>;

void set_time(const std::string& path, timespec time) {
  const std::array<timespec, 2> times{time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) throw_errno("utimensat");
}

// A chain of directories "d/d/d/...", made by descriptors since its path is longer than a call takes; a file "z" is in
// every hundredth and in the last.
void make_chain(const std::string& where, int depth, const std::string& name) {
  UniqueFd here(::open(where.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int i = 1; i <= depth; ++i) {
    if (::mkdirat(here.get(), name.c_str(), 0755) != 0) throw_errno("mkdirat");
    here = UniqueFd(::openat(here.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!here) throw_errno("openat");
    if (i % 100 != 0 && i != depth) continue;
    const UniqueFd file(::openat(here.get(), "z", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!file) throw_errno("openat");
  }
}

TEST(TreeWalk, ChildrenComeByTheBytesOfTheirNamesAndEachWithAllThatIsBelow) {
  const TemporaryDirectory directory;
  for (const char* name : {"b", "a/x", "a/y/1", "A", "a.b/c", "\xff", "\x01", "a-"}) {
    const std::string file = std::string("top/") + name;
    directory.make_directory(file.substr(0, file.rfind('/')));
    directory.make_file(file, "");
  }
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of(directory / "top", "top"));
  TreeWalk walk = walk_through(std::move(tops));
  EXPECT_EQ(walked(walk).paths(), (Paths{"top", "top/\x01", "top/A", "top/a", "top/a/x", "top/a/y", "top/a/y/1",
                                         "top/a-", "top/a.b", "top/a.b/c", "top/b", "top/\xff"}));
}

TEST(TreeWalk, TheContentsOfADirectoryHaveADotAndNoPrefix) {
  const TemporaryDirectory directory;
  directory.make_directory("d");
  directory.make_file("d/f", "12345");
  const Walked found = walked(directory);
  EXPECT_EQ(found.paths(), (Paths{".", "d", "d/f"}));
  EXPECT_EQ(found.at("d/f").size, 5u);
  EXPECT_TRUE(found.troubles.empty());
}

TEST(TreeWalk, SeveralTopsComeInTheOrderOfTheirNames) {
  const TemporaryDirectory directory;
  directory.make_directory("b");
  directory.make_file("b/x", "1");
  directory.make_file("a", "22");
  directory.make_file("b.c", "333");
  std::vector<TreeWalk::Top> tops;
  for (const char* name : {"b.c", "b", "a"}) tops.push_back(top_of(directory / name, name));
  TreeWalk walk = walk_through(std::move(tops));
  EXPECT_EQ(walked(walk).paths(), (Paths{"a", "b", "b/x", "b.c"}));
  EXPECT_EQ(walk.shown("b/x"), "b/x");
  for (const char* name : {"a", "b/x", "b.c"}) EXPECT_TRUE(walk.open_file(name)) << name;
  const auto other = walk.open_file("c");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kNotFound);
}

TEST(TreeWalk, TwoTopsOfOneNameAreRefused) {
  const TemporaryDirectory directory;
  const auto resolver = RootedDirectory::open("/");
  ASSERT_TRUE(resolver);
  for (const auto& names : {Paths{"x", "x"}, Paths{".", "x"}, Paths{"-", "."}, Paths{""}, Paths{"a/b"}, Paths{".."}}) {
    std::vector<TreeWalk::Top> tops;
    for (const std::string& name : names) tops.push_back(top_of(directory.path(), name));
    const auto walk = TreeWalk::begin(*resolver, std::move(tops), {});
    ASSERT_FALSE(walk) << names.front();
    EXPECT_EQ(walk.error().code, ErrorCode::kUsage);
  }
}

TEST(TreeWalk, WithoutRecursionADirectoryIsOneEntryAndContentsGoOneLevelDeep) {
  const TemporaryDirectory directory;
  directory.make_directory("d/e");
  directory.make_file("d/f", "");
  TreeWalk::Options options;
  options.recursive = false;
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of(directory / "d", "d"));
  TreeWalk walk = walk_through(std::move(tops), options);
  EXPECT_EQ(walked(walk).paths(), Paths{"d"});
  EXPECT_EQ(walked(directory, options).paths(), (Paths{".", "d"}));
}

TEST(TreeWalk, ATopThatIsALinkWasFollowedAndLinksBelowAreEntries) {
  const TemporaryDirectory directory;
  directory.make_directory("real");
  directory.make_link("real/up", "../..");
  directory.make_link("real/dangling", "no\nwhere\xff");
  directory.make_link("link", "real");
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of(directory / "link", "link"));
  TreeWalk walk = walk_through(std::move(tops));
  const Walked found = walked(walk);
  EXPECT_EQ(found.paths(), (Paths{"link", "link/dangling", "link/up"}));
  EXPECT_EQ(found.at("link").kind, EntryKind::kDirectory);
  EXPECT_EQ(found.at("link/up").kind, EntryKind::kLink);
  EXPECT_EQ(found.at("link/up").target, "../..");
  EXPECT_EQ(found.at("link/dangling").target, "no\nwhere\xff");
  EXPECT_FALSE(walk.open_file("link/up"));
  EXPECT_FALSE(walk.open_file("link/up/etc/passwd")) << "no link is followed on the way to a file";
}

TEST(TreeWalk, NamesOfEveryByteAndOfGreatestLengthComeAsTheyAre) {
  const TemporaryDirectory directory;
  Paths expected{"."};
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/' || byte == '.') continue;
    expected.emplace_back(1, static_cast<char>(byte));
    directory.make_file(expected.back(), "x");
  }
  expected.push_back("." + std::string(254, '\xc3'));
  directory.make_file(expected.back(), "x");
  std::sort(expected.begin() + 1, expected.end());
  TreeWalk walk = walk_through(directory);
  const Walked found = walked(walk);
  EXPECT_EQ(found.paths(), expected);
  EXPECT_TRUE(found.troubles.empty());
  for (std::size_t i = 1; i < expected.size(); ++i) EXPECT_TRUE(walk.open_file(expected[i])) << i;
}

TEST(TreeWalk, ATreeOfAThousandLevelsTakesAFewDescriptors) {
  const TemporaryDirectory directory;
  directory.make_file("z", "");  // so that something is left to do on the way up
  make_chain(directory.path(), 1000, "d");
  TreeWalk walk = walk_through(directory);
  const std::size_t before = test::open_descriptors();
  std::size_t most = before;
  std::size_t directories = 0;
  Paths files;
  while (const auto entry = walk.next()) {
    if (entry->kind == EntryKind::kDirectory && ++directories % 97 == 0)
      most = std::max(most, test::open_descriptors());
    if (entry->kind == EntryKind::kFile) files.push_back(entry->path);
  }
  EXPECT_EQ(directories, 1001u);
  EXPECT_EQ(files.size(), 11u) << "those that come on the way up as well";
  EXPECT_LE(most - before, 17u);
  EXPECT_TRUE(walk.take_troubles().empty());
  for (const std::string& file : files) EXPECT_TRUE(walk.open_file(file)) << file.size();
  EXPECT_EQ(test::open_descriptors(), before);
}

TEST(TreeWalk, AttributesThatNobodyMayReadAreOneNotice) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b"}) directory.make_file(name, "");
  bool denied = false;
  Walked found;
  std::thread confined([&] {
    denied = test::deny_syscall(SYS_listxattr, EPERM) && test::deny_syscall(SYS_llistxattr, EPERM);
    TreeWalk::Options options;
    options.attributes = true;
    if (denied) found = walked(directory, options);
  });
  confined.join();
  if (!denied) GTEST_SKIP() << "system calls cannot be denied here";
  EXPECT_EQ(found.paths(), (Paths{".", "a", "b"}));
  ASSERT_EQ(found.troubles.size(), 1u);
  EXPECT_TRUE(found.troubles[0].is_notice);
}

TEST(TreeWalk, APathThatIsTooLongIsATroubleAndWhatIsShorterComes) {
  const TemporaryDirectory directory;
  make_chain(directory.path(), 20, std::string(250, 'd'));
  const Walked found = walked(directory);
  EXPECT_EQ(found.entries.size(), 1u + 16u);  // 16 * 251 - 1 bytes
  ASSERT_EQ(found.troubles.size(), 1u);
  EXPECT_EQ(found.troubles.front().code, ErrorCode::kLimit);
}

TEST(TreeWalk, TimesBefore1970AndAfter2038HaveTheirNanoseconds) {
  const TemporaryDirectory directory;
  directory.make_file("old", "");
  directory.make_file("new", "");
  directory.make_link("link", "x");
  set_time(directory / "old", {-1'000'000'000, 999'999'999});
  set_time(directory / "new", {5'000'000'000, 1});
  set_time(directory / "link", {-1, 5});
  const Walked found = walked(directory);
  EXPECT_EQ(found.at("old").modified_seconds, -1'000'000'000);
  EXPECT_EQ(found.at("old").modified_nanoseconds, 999'999'999u);
  EXPECT_EQ(found.at("new").modified_seconds, 5'000'000'000);
  EXPECT_EQ(found.at("new").modified_nanoseconds, 1u);
  EXPECT_EQ(found.at("link").modified_seconds, -1);
}

TEST(TreeWalk, ModesComeWithoutSetIdBits) {
  const TemporaryDirectory directory;
  directory.make_file("plain", "", 0641);
  directory.make_file("special", "", 06755);
  EXPECT_EQ(walked(directory).at("plain").mode, 0641u);
  EXPECT_EQ(walked(directory).at("special").mode, 0755u);
  TreeWalk::Options options;
  options.all_modes = true;
  EXPECT_EQ(walked(directory, options).at("special").mode, 06755u) << "but for a listing they do";
}

TEST(TreeWalk, FurtherNamesOfAFileAreHardLinksToItsFirst) {
  const TemporaryDirectory directory;
  directory.make_directory("d");
  directory.make_file("d/b", "content");
  directory.make_file("single", "x");
  for (const char* name : {"z", "d/a"}) ASSERT_EQ(::link((directory / "d/b").c_str(), (directory / name).c_str()), 0);
  const Walked found = walked(directory);
  EXPECT_EQ(found.at("d/a").kind, EntryKind::kFile);
  for (const char* name : {"d/b", "z"}) {
    EXPECT_EQ(found.at(name).kind, EntryKind::kHardLink);
    EXPECT_EQ(found.at(name).target, "d/a");
  }
  EXPECT_EQ(found.at("single").kind, EntryKind::kFile);
}

TEST(TreeWalk, SoAreThoseOfALink) {
  const TemporaryDirectory directory;
  directory.make_link("b", "anywhere");
  ASSERT_EQ(::linkat(AT_FDCWD, (directory / "b").c_str(), AT_FDCWD, (directory / "c").c_str(), 0), 0);
  directory.make_link("other", "anywhere");
  const Walked found = walked(directory);
  EXPECT_EQ(found.at("b").kind, EntryKind::kLink);
  EXPECT_EQ(found.at("b").target, "anywhere");
  EXPECT_EQ(found.at("c").kind, EntryKind::kHardLink);
  EXPECT_EQ(found.at("c").target, "b");
  EXPECT_EQ(found.at("other").kind, EntryKind::kLink);
}

TEST(TreeWalk, AHardLinkIsNeverToANameThatWasExcluded) {
  const TemporaryDirectory directory;
  directory.make_file("a", "content");
  ASSERT_EQ(::link((directory / "a").c_str(), (directory / "b").c_str()), 0);
  TreeWalk::Options options;
  options.excludes = [](const std::string& path, bool) {
    return path == "a";
  };
  EXPECT_EQ(walked(directory, options).at("b").kind, EntryKind::kFile);
}

TEST(TreeWalk, TooManyFilesWithSeveralNamesAreFilesOfTheirOwnWithOneWord) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b", "c"}) {
    directory.make_file(name, "");
    ASSERT_EQ(::link((directory / name).c_str(), (directory / (std::string(name) + "2")).c_str()), 0);
    ASSERT_EQ(::link((directory / name).c_str(), (directory / (std::string("z") + name)).c_str()), 0);
  }
  TreeWalk::Options options;
  options.most_linked_bytes = 130;  // one, at a time
  const Walked found = walked(directory, options);
  EXPECT_EQ(found.at("a2").kind, EntryKind::kHardLink);
  EXPECT_EQ(found.at("b2").kind, EntryKind::kFile);
  EXPECT_EQ(found.at("za").kind, EntryKind::kHardLink);
  ASSERT_EQ(found.troubles.size(), 1u);
  EXPECT_TRUE(found.troubles[0].is_notice);
}

TEST(TreeWalk, PipesAreSpecialAndPartFilesAreLeftOutWithAWord) {
  const TemporaryDirectory directory;
  directory.make_pipe("pipe");
  directory.make_file(".farhand-part-0123", "half");
  directory.make_file(".farhand-par", "whole");
  const Walked found = walked(directory);
  EXPECT_EQ(found.paths(), (Paths{".", ".farhand-par", "pipe"}));
  EXPECT_EQ(found.at("pipe").kind, EntryKind::kSpecial);
  ASSERT_EQ(found.troubles.size(), 1u);
  EXPECT_TRUE(found.troubles[0].is_notice);
  EXPECT_EQ(found.troubles[0].path, ".farhand-part-0123");
}

TEST(TreeWalk, APartFileThatIsNamedIsLeftOutToo) {
  const TemporaryDirectory directory;
  directory.make_file(".farhand-part-0123", "half");
  std::vector<TreeWalk::Top> tops;
  tops.push_back(test::top_of(directory / ".farhand-part-0123", ".farhand-part-0123"));
  TreeWalk walk = test::walk_through(std::move(tops));
  const Walked found = walked(walk);
  EXPECT_TRUE(found.entries.empty());
  EXPECT_EQ(found.troubles.size(), 1u);
}

TEST(TreeWalk, ManyThatAreLeftOutAreNotPassedWithoutATurn) {
  constexpr int kFiles = 3000;
  const TemporaryDirectory directory;
  for (int i = 0; i < kFiles; ++i) directory.make_file("o" + std::to_string(i), "");
  directory.make_file("z", "");
  int asked = 0;
  TreeWalk::Options options;
  options.excludes = [&](const std::string& path, bool) {
    ++asked;
    return path != "z";
  };
  TreeWalk walk = walk_through(directory, options);
  ASSERT_EQ(walk.next()->path, ".");
  EXPECT_FALSE(walk.next());
  EXPECT_FALSE(walk.at_end());
  EXPECT_LT(asked, kFiles / 2);
  EXPECT_EQ(walked(walk).paths(), Paths{"z"});
  EXPECT_EQ(asked, kFiles + 1);
  EXPECT_TRUE(walk.at_end());
}

TEST(TreeWalk, WhatIsExcludedIsNotEntered) {
  const TemporaryDirectory directory;
  directory.make_directory("keep/skip");
  directory.make_file("keep/skip/inside", "");
  directory.make_file("keep/file", "");
  Paths asked;
  TreeWalk::Options options;
  options.excludes = [&](const std::string& path, bool is_directory) {
    asked.push_back(path + (is_directory ? "/" : ""));
    return path == "keep/skip";
  };
  EXPECT_EQ(walked(directory, options).paths(), (Paths{".", "keep", "keep/file"}));
  EXPECT_EQ(asked, (Paths{"keep/", "keep/file", "keep/skip/"}))
      << "never of a top, nor of what is below an excluded one";
}

TEST(TreeWalk, OwnersComeByNameAndByNumberWhereThereIsNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const TemporaryDirectory directory;
  directory.make_file("root", "");
  directory.make_file("nobody-at-all", "");
  ASSERT_EQ(::chown((directory / "nobody-at-all").c_str(), 1234567, 7654321), 0);
  TreeWalk::Options options;
  options.owner = true;
  const Walked found = walked(directory, options);
  EXPECT_EQ(found.at("root").user, "root");
  EXPECT_EQ(found.at("root").group, "root");
  EXPECT_EQ(found.at("nobody-at-all").user, "1234567");
  EXPECT_EQ(found.at("nobody-at-all").group, "7654321");
  EXPECT_EQ(walked(directory).at("root").user, "") << "only when asked for";
}

TEST(TreeWalk, AttributesOfTheUserComeWhenAskedForAndThoseOfTheSystemDoNot) {
  const TemporaryDirectory directory;
  directory.make_file("f", "");
  const std::string value("a\0b", 3);
  if (::setxattr((directory / "f").c_str(), "user.x", value.data(), value.size(), 0) != 0) {
    GTEST_SKIP() << "this file system has none";
  }
  ::setxattr(directory.path().c_str(), "user.top", "", 0, 0);
  ::setxattr((directory / "f").c_str(), "trusted.y", "z", 1, 0);  // permitted to root alone
  TreeWalk::Options options;
  options.attributes = true;
  const Walked found = walked(directory, options);
  ASSERT_EQ(found.at("f").attributes.size(), 1u);
  EXPECT_EQ(found.at("f").attributes.front().name, "user.x");
  EXPECT_EQ(found.at("f").attributes.front().value, value);
  ASSERT_EQ(found.at(".").attributes.size(), 1u) << "of a top as well";
  EXPECT_TRUE(walked(directory).at("f").attributes.empty());
}

std::string text_of(const Walked& found) {
  std::string text;
  for (const Entry& entry : found.entries) text += entry.path + " ";
  for (const Trouble& trouble : found.troubles) text += "(" + trouble.message + ") ";
  return text;
}

TEST(TreeWalk, ADirectoryThatMayNotBeReadIsAnEntryAndATrouble) {
  const TemporaryDirectory directory;
  for (const char* name : {"closed", "open", "blind"}) directory.make_directory(name);
  for (const char* name : {"closed/x", "open/x", "blind/x"}) directory.make_file(name, "");
  ASSERT_EQ(::chmod((directory / "closed").c_str(), 0), 0);
  ASSERT_EQ(::chmod((directory / "blind").c_str(), 0744), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  TreeWalk walk = walk_through(directory);
  const std::string found = test::as_nobody([&] { return text_of(walked(walk)); });
  EXPECT_EQ(found,
            ". blind closed open open/x "
            "('blind/x' cannot be looked at: Permission denied) ('closed' cannot be read: Permission denied) ");
  ASSERT_EQ(::chmod((directory / "closed").c_str(), 0700), 0);
}

TEST(TreeWalk, WhatVanishesInBetweenIsATroubleAndTheRestComes) {
  const TemporaryDirectory directory;
  directory.make_directory("gone");
  for (const char* name : {"a", "b", "c"}) directory.make_file(name, "");
  TreeWalk walk = walk_through(directory);
  ASSERT_EQ(walk.next()->path, ".");
  ASSERT_EQ(walk.next()->path, "a");
  std::filesystem::remove(directory / "b");
  const Walked found = walked(walk);
  EXPECT_EQ(found.paths(), (Paths{"c", "gone"}));
  ASSERT_EQ(found.troubles.size(), 1u);
  EXPECT_EQ(found.troubles.front().code, ErrorCode::kNotFound);
}

TEST(TreeWalk, ADirectoryThatBecomesALinkIsNotEntered) {
  const TemporaryDirectory directory;
  directory.make_directory("d");
  directory.make_directory("elsewhere");
  directory.make_file("elsewhere/secret", "");
  std::vector<TreeWalk::Top> tops;
  directory.make_directory("top/d");
  tops.push_back(top_of(directory / "top", "top"));
  TreeWalk walk = walk_through(std::move(tops));
  ASSERT_EQ(walk.next()->path, "top");
  ASSERT_EQ(walk.next()->path, "top/d");
  std::filesystem::remove(directory / "top/d");
  directory.make_link("top/d", directory / "elsewhere");
  EXPECT_FALSE(walk.next());
  EXPECT_EQ(walk.take_troubles().size(), 1u);
  EXPECT_FALSE(walk.open_file("top/d/secret"));
}

TEST(TreeWalk, TheWalkWithoutOpenat2FindsTheSame) {
  const TemporaryDirectory directory;
  make_chain(directory.path(), 40, "d");
  directory.make_file("z", "");
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of(directory.path(), "."));
  TreeWalk walk = walk_through(std::move(tops), {}, RootedDirectory::Method::kWalk);
  EXPECT_EQ(walked(walk).paths(), walked(directory).paths());
}

// As many as --files-from may name: more than there are descriptors.
struct ManyTops {
  static constexpr std::size_t kCount = 100;
  ManyTops() {
    for (std::size_t i = 0; i < kCount; ++i) {
      const std::string name = "top" + std::to_string(i);
      if (i % 2 == 0) {
        directory.make_file(name, name);
      } else {
        directory.make_directory(name);
        directory.make_file(name + "/inner", name);
      }
      tops.push_back({{}, name, name, [path = directory / name]() -> Result<UniqueFd> {
                        UniqueFd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
                        if (!opened) return fail(errno_error(errno, "it"));
                        return opened;
                      }});
    }
  }
  TemporaryDirectory directory;
  std::vector<TreeWalk::Top> tops;
};

TEST(TreeWalk, OfTopsThatCanBeOpenedAgainFewAreHeldOpen) {
  ManyTops many;
  const std::size_t before = test::open_descriptors();
  TreeWalk walk = walk_through(std::move(many.tops));
  std::vector<std::string> files;
  std::size_t entries = 0;
  while (const auto entry = walk.next()) {
    ++entries;
    if (entry->kind == EntryKind::kFile) files.push_back(entry->path);
    EXPECT_LT(test::open_descriptors(), before + 25);
  }
  EXPECT_EQ(entries, ManyTops::kCount * 3 / 2);
  ASSERT_EQ(files.size(), ManyTops::kCount);
  for (const std::string& path : files) EXPECT_TRUE(walk.open_file(path)) << path << ", whose top was closed again";
  EXPECT_LT(test::open_descriptors(), before + 25);
  EXPECT_EQ(walk.take_troubles().size(), 0u);
}

TEST(TreeWalk, ATopThatCannotBeOpenedIsToldAndTheOthersGoOn) {
  ManyTops many;
  std::filesystem::remove(many.directory / "top50");
  many.tops[51].shown = "as the user wrote it";
  std::filesystem::remove_all(many.directory / "top51");
  TreeWalk walk = walk_through(std::move(many.tops));
  const test::Walked found = walked(walk);
  EXPECT_EQ(found.entries.size(), ManyTops::kCount * 3 / 2 - 3);
  ASSERT_EQ(found.troubles.size(), 2u);
  EXPECT_EQ(found.troubles[0].path, "top50");
  EXPECT_EQ(found.troubles[1].path, "as the user wrote it");
  EXPECT_EQ(found.troubles[1].code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace farhand
