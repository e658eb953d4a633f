// PrivateDirectory: every unsafe directory and file is refused with the way to mend it, and nothing ever blocks.
#include "common/private_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "tests/support/as_nobody.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand::test {
namespace {

constexpr unsigned kNobody = 65534;

void set_mode(const std::string& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) != 0) throw_errno("chmod");
}

void give_away(const std::string& path, uid_t owner = kNobody) {
  if (::lchown(path.c_str(), owner, owner) != 0) throw_errno("lchown");
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw_errno("lstat");
  return status.st_mode & 07777;
}

template <class T>
void expect_refused(const Result<T>& result, ErrorCode code, const std::vector<std::string>& says) {
  ASSERT_FALSE(result) << says.front();
  EXPECT_EQ(result.error().code, code) << result.error().message;
  for (const std::string& word : says) {
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  }
}

class PrivateDirectoryTest : public testing::Test {
 protected:
  PrivateDirectoryTest() {
    around_.make_directory("keys");
    set_mode(path_, 0700);
  }
  [[nodiscard]] PrivateDirectory open() const { return PrivateDirectory::open(path_).value(); }
  // The file's fate when it is read, after `change` has been done to it.
  Result<std::string> read_after(const std::function<void(const std::string&)>& change, std::size_t most = 4096) {
    around_.make_file("keys/file", "content", 0600);
    change(path_ + "/file");
    return open().read("file", most);
  }

  TemporaryDirectory around_;
  std::string path_ = around_ / "keys";
};

TEST_F(PrivateDirectoryTest, WhatIsWrittenIsReadAndListed) {
  const PrivateDirectory directory = open();
  ASSERT_TRUE(directory.write("b", "one"));
  ASSERT_TRUE(directory.write("b", "two"));
  ASSERT_TRUE(directory.write("a", std::string("\0\n\xff", 3)));
  EXPECT_EQ(directory.read("b").value(), "two");
  EXPECT_EQ(directory.read("a").value(), std::string("\0\n\xff", 3));
  EXPECT_EQ(mode_of(path_ + "/b"), 0600u);
  EXPECT_EQ(directory.names().value(), (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(directory.rename("b", "c"));
  ASSERT_TRUE(directory.remove("a"));
  EXPECT_EQ(directory.names().value(), std::vector<std::string>{"c"});
  expect_refused(directory.rename("b", "d"), ErrorCode::kNotFound, {path_ + "/b"});
  expect_refused(directory.remove("a"), ErrorCode::kNotFound, {path_ + "/a"});
  expect_refused(directory.read("a"), ErrorCode::kNotFound, {path_ + "/a"});
}

TEST_F(PrivateDirectoryTest, ModesHoldUnderEveryUmask) {
  const mode_t before = ::umask(0);
  for (const mode_t mask : {0000u, 0022u, 0777u}) {
    ::umask(mask);
    const bool written = open().write("file", "x").has_value();
    ::umask(before);
    EXPECT_TRUE(written);
    EXPECT_EQ(mode_of(path_ + "/file"), 0600u) << mask;
  }
}

TEST_F(PrivateDirectoryTest, MissingDirectoriesAreMadeForUsAlone) {
  const std::string deep = path_ + "/a/b/c";
  expect_refused(PrivateDirectory::open(deep), ErrorCode::kNotFound, {path_ + "/a"});
  ASSERT_TRUE(PrivateDirectory::open_or_make(deep));
  for (const char* part : {"/a", "/a/b", "/a/b/c"}) EXPECT_EQ(mode_of(path_ + part), 0700u);
  EXPECT_TRUE(PrivateDirectory::open(deep));
  EXPECT_TRUE(PrivateDirectory::open(path_ + "//a/./b/../b/c/")) << "written oddly, and the same";
}

// ---------------------------------------------------------------------------------------------------------------------
// Directories

TEST_F(PrivateDirectoryTest, ADirectoryThatOthersCanWriteToIsRefusedWithItsChmod) {
  for (const mode_t mode : {0770u, 0720u, 0702u, 0777u, 01777u}) {
    set_mode(path_, mode);
    expect_refused(PrivateDirectory::open(path_), ErrorCode::kNoPermission, {"chmod go-w '" + path_ + "'"});
  }
  for (const mode_t mode : {0700u, 0755u, 0750u}) {
    set_mode(path_, mode);
    EXPECT_TRUE(PrivateDirectory::open(path_)) << "reading its names does no harm";
  }
}

TEST_F(PrivateDirectoryTest, AParentThatOthersCanWriteToIsRefusedUnlessItIsSticky) {
  set_mode(around_.path(), 0770);
  expect_refused(PrivateDirectory::open(path_), ErrorCode::kNoPermission, {"chmod go-w '" + around_.path() + "'"});
  expect_refused(PrivateDirectory::open_or_make(path_ + "/new"), ErrorCode::kNoPermission,
                 {"'" + around_.path() + "'"});
  set_mode(around_.path(), 01777);
  EXPECT_TRUE(PrivateDirectory::open(path_));
}

TEST_F(PrivateDirectoryTest, AnotherUsersDirectoryOrParentIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving files away takes root";
  give_away(path_);
  expect_refused(PrivateDirectory::open(path_), ErrorCode::kNoPermission, {"uid 65534", "chown 0 '" + path_ + "'"});
  give_away(path_, 0);
  give_away(around_.path());
  expect_refused(PrivateDirectory::open(path_), ErrorCode::kNoPermission, {"chown 0 '" + around_.path() + "'"});
}

TEST_F(PrivateDirectoryTest, RootsDirectoriesServeEverybody) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes a second user";
  set_mode(around_.path(), 0755);
  set_mode(path_, 0755);
  const auto opened = as_nobody([&] {
    const auto directory = PrivateDirectory::open(path_);
    return directory ? std::string("opened") : directory.error().message;
  });
  EXPECT_EQ(opened, "opened");
}

TEST_F(PrivateDirectoryTest, ADirectoryThatIsALinkIsRefused) {
  around_.make_link("link", path_);
  expect_refused(PrivateDirectory::open(around_ / "link"), ErrorCode::kNotRegular, {around_ / "link", "symbolic link"});
}

TEST_F(PrivateDirectoryTest, OurOwnLinkAmongTheParentsIsFollowedAndWhatItLeadsToIsJudged) {
  around_.make_directory("real/keys");
  for (const char* target : {"real", "./keys/../real/"}) {
    around_.make_link("home", target);
    EXPECT_TRUE(PrivateDirectory::open(around_ / "home/keys")) << target;
    ::unlink((around_ / "home").c_str());
  }
  around_.make_link("home", around_ / "real");
  EXPECT_TRUE(PrivateDirectory::open(around_ / "home/keys"));
  set_mode(around_ / "real", 0777);
  expect_refused(PrivateDirectory::open(around_ / "home/keys"), ErrorCode::kNoPermission, {around_ / "real"});
}

TEST_F(PrivateDirectoryTest, AnotherUsersLinkAmongTheParentsIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving files away takes root";
  around_.make_link("home", around_.path());
  give_away(around_ / "home");
  expect_refused(PrivateDirectory::open(around_ / "home/keys"), ErrorCode::kNoPermission,
                 {around_ / "home", "chown -h"});
}

TEST_F(PrivateDirectoryTest, LinksInACircleComeToAnEnd) {
  around_.make_link("a", "b");
  around_.make_link("b", "a");
  expect_refused(PrivateDirectory::open(around_ / "a/keys"), ErrorCode::kLimit, {"too many links"});
}

TEST_F(PrivateDirectoryTest, WhatIsNoDirectoryIsRefusedAndBlocksNobody) {
  around_.make_file("file", "x", 0600);
  around_.make_pipe("pipe");
  for (const char* name : {"file", "pipe"}) {
    expect_refused(PrivateDirectory::open(around_ / name), ErrorCode::kNotRegular, {around_ / name});
    expect_refused(PrivateDirectory::open_or_make(std::string(around_ / name) + "/keys"), ErrorCode::kNotRegular,
                   {around_ / name});
  }
  for (const std::string& path : {std::string(), std::string("keys"), path_ + std::string("\0x", 2)}) {
    expect_refused(PrivateDirectory::open(path), ErrorCode::kUsage, {"absolute"});
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Files

TEST_F(PrivateDirectoryTest, AFileThatIsOpenToOthersIsRefusedWithItsChmod) {
  for (const mode_t mode : {0644u, 0640u, 0604u, 0620u, 0601u, 0666u}) {
    expect_refused(read_after([&](const std::string& file) { set_mode(file, mode); }), ErrorCode::kNoPermission,
                   {"chmod 600 '" + path_ + "/file'"});
  }
  for (const mode_t mode : {0600u, 0400u, 0700u}) {
    EXPECT_TRUE(read_after([&](const std::string& file) { set_mode(file, mode); })) << mode;
  }
}

TEST_F(PrivateDirectoryTest, AnotherUsersFileIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving files away takes root";
  expect_refused(read_after([](const std::string& file) { give_away(file); }), ErrorCode::kNoPermission,
                 {path_ + "/file", "uid 65534", "chown 0"});
}

TEST_F(PrivateDirectoryTest, AFileThatIsALinkIsRefusedWhereverItLeads) {
  around_.make_file("elsewhere", "secret", 0600);
  for (const std::string& target : {around_ / "elsewhere", std::string("missing"), std::string("file")}) {
    const auto replace = [&](const std::string& file) {
      ::unlink(file.c_str());
      around_.make_link("keys/file", target);
    };
    expect_refused(read_after(replace), ErrorCode::kNotRegular, {path_ + "/file", "symbolic link"});
    ::unlink((path_ + "/file").c_str());
  }
}

TEST_F(PrivateDirectoryTest, AFileWithASecondNameIsRefused) {
  const auto name_again = [&](const std::string& file) {
    if (::link(file.c_str(), (around_ / "other").c_str()) != 0) throw_errno("link");
  };
  expect_refused(read_after(name_again), ErrorCode::kNoPermission, {path_ + "/file", "second name"});
}

TEST_F(PrivateDirectoryTest, PipesSocketsDevicesAndDirectoriesAreRefusedAndBlockNobody) {
  const auto make_socket = [](const std::string& file) {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, file.c_str(), sizeof address.sun_path - 1);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw_errno("bind");
  };
  std::vector<std::function<void(const std::string&)>> makers{
      [](const std::string& file) { ::mkfifo(file.c_str(), 0600); },
      [](const std::string& file) { ::mkdir(file.c_str(), 0700); }, make_socket};
  if (::geteuid() == 0) {
    makers.emplace_back([](const std::string& file) { ::mknod(file.c_str(), S_IFCHR | 0600, ::makedev(1, 5)); });
  }
  for (const auto& make : makers) {
    const auto replace = [&](const std::string& file) {
      ::unlink(file.c_str());
      make(file);
    };
    expect_refused(read_after(replace), ErrorCode::kNotRegular, {path_ + "/file"});
    if (::unlink((path_ + "/file").c_str()) != 0) ::rmdir((path_ + "/file").c_str());
  }
}

TEST_F(PrivateDirectoryTest, AHugeFileIsRefusedUnread) {
  const auto grow = [](const std::string& file) {
    ASSERT_EQ(::truncate(file.c_str(), 1L << 30), 0);
  };
  expect_refused(read_after(grow), ErrorCode::kLimit, {path_ + "/file", "4096 bytes"});
  EXPECT_TRUE(read_after([](const std::string& file) { ASSERT_EQ(::truncate(file.c_str(), 4096), 0); }));
  const auto one_more = [](const std::string& file) {
    ASSERT_EQ(::truncate(file.c_str(), 4097), 0);
  };
  expect_refused(read_after(one_more), ErrorCode::kLimit, {"4096 bytes"});
}

TEST_F(PrivateDirectoryTest, AnEmptyFileIsAnEmptyText) {
  const auto read = read_after([](const std::string& file) { ASSERT_EQ(::truncate(file.c_str(), 0), 0); });
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, "");
}

TEST_F(PrivateDirectoryTest, NamesAreSingleComponents) {
  const PrivateDirectory directory = open();
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("/etc/passwd"), std::string("a\0b", 3), std::string(201, 'x')}) {
    expect_refused(directory.read(name), ErrorCode::kUsage, {"not the name of a file"});
    expect_refused(directory.write(name, "x"), ErrorCode::kUsage, {"not the name of a file"});
    expect_refused(directory.remove(name), ErrorCode::kUsage, {"not the name of a file"});
    expect_refused(directory.rename(name, "y"), ErrorCode::kUsage, {"not the name of a file"});
    expect_refused(directory.rename("y", name), ErrorCode::kUsage, {"not the name of a file"});
  }
  EXPECT_TRUE(directory.write(std::string(200, 'x'), "x"));
}

TEST_F(PrivateDirectoryTest, NamesInSentencesAreEscaped) {
  around_.make_directory("a\x1b[2J");
  set_mode(around_ / "a\x1b[2J", 0777);
  const auto opened = PrivateDirectory::open(around_ / "a\x1b[2J");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message.find('\x1b'), std::string::npos);
}

TEST_F(PrivateDirectoryTest, AWriteOverALinkReplacesTheLinkAndNotItsTarget) {
  around_.make_file("victim", "untouched", 0600);
  around_.make_link("keys/file", around_ / "victim");
  ASSERT_TRUE(open().write("file", "new"));
  EXPECT_EQ(open().read("file").value(), "new");
  std::string victim;
  std::getline(std::ifstream(around_ / "victim"), victim);
  EXPECT_EQ(victim, "untouched");
}

TEST_F(PrivateDirectoryTest, AWriteThatFailsLeavesTheOldFileAndNothingBesideIt) {
  ASSERT_EQ(::mkdir((path_ + "/file").c_str(), 0700), 0);
  const PrivateDirectory directory = open();
  expect_refused(directory.write("file", "x"), ErrorCode::kIsDirectory, {path_ + "/file", "as it was"});
  EXPECT_EQ(::rmdir((path_ + "/file").c_str()), 0);
  EXPECT_EQ(::rmdir(path_.c_str()), 0) << "it is empty";
}

TEST_F(PrivateDirectoryTest, TheLockLetsOneInAtATime) {
  const PrivateDirectory directory = open();
  constexpr int kTurns = 50;
  ASSERT_TRUE(directory.write("count", "0"));
  const auto count = [&] {
    for (int i = 0; i < kTurns; ++i) {
      const auto lock = directory.lock();
      ASSERT_TRUE(lock);
      ASSERT_TRUE(directory.write("count", std::to_string(std::stoi(directory.read("count").value()) + 1)));
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_EQ(directory.read("count").value(), std::to_string(2 * kTurns));
}

// An enrolment, and with it the server's end, once waited for ever.
TEST_F(PrivateDirectoryTest, ALockThatAnotherHoldsIsGivenUpAtTheDeadlineWithItsName) {
  const PrivateDirectory directory = open();
  auto held = directory.lock();
  ASSERT_TRUE(held);
  const auto begun = Deadline::Clock::now();
  expect_refused(directory.lock(Deadline::after(std::chrono::milliseconds(100))), ErrorCode::kTimedOut,
                 {path_ + "/.lock"});
  EXPECT_LT(Deadline::Clock::now() - begun, PrivateDirectory::kLockPatience);
  held->reset();
  EXPECT_TRUE(directory.lock());
}

TEST_F(PrivateDirectoryTest, ADirectoryThatHasBecomeUnsafeIsNotUsedByWhoeverHasItOpen) {
  const PrivateDirectory directory = open();
  ASSERT_TRUE(directory.write("file", "x"));
  const std::vector<std::string> says{"chmod go-w '" + path_ + "'"};
  set_mode(path_, 0770);
  expect_refused(directory.read("file"), ErrorCode::kNoPermission, says);
  expect_refused(directory.write("file", "y"), ErrorCode::kNoPermission, says);
  expect_refused(directory.remove("file"), ErrorCode::kNoPermission, says);
  expect_refused(directory.rename("file", "other"), ErrorCode::kNoPermission, says);
  expect_refused(directory.names(), ErrorCode::kNoPermission, says);
  expect_refused(directory.lock(), ErrorCode::kNoPermission, says);
  set_mode(path_, 0700);
  EXPECT_EQ(directory.read("file").value(), "x");
}

TEST_F(PrivateDirectoryTest, NoDescriptorIsLeftBehind) {
  const std::size_t before = open_descriptor_count();
  {
    const PrivateDirectory directory = open();
    ASSERT_TRUE(directory.write("a", "x"));
    ASSERT_TRUE(directory.lock());
    ASSERT_TRUE(directory.names());
    EXPECT_FALSE(directory.read("missing"));
  }
  EXPECT_EQ(open_descriptor_count(), before);
}

}  // namespace
}  // namespace farhand::test
