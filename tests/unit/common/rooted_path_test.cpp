// RootedDirectory: what is reached, and what is refused, by both ways of resolving names.
#include "common/rooted_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>

#include "common/file_io.h"
#include "tests/support/as_nobody.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Method = RootedDirectory::Method;

// outside/secret          root/file, root/dir/inner, and links; the root is one level down so that "outside" has a
// place
class RootedPath : public testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    tree.make_directory("outside");
    tree.make_file("outside/secret", "secret");
    tree.make_directory("root/dir/deep");
    tree.make_file("root/file", "content");
    tree.make_file("root/dir/inner", "inner");
    auto opened = RootedDirectory::open(tree / "root", GetParam());
    ASSERT_TRUE(opened) << opened.error().message;
    root.emplace(*std::move(opened));
  }

  // The content of what `name` leads to, or the error's name in brackets.
  [[nodiscard]] std::string read(std::string_view name) const {
    const auto opened = root->open_existing(name, O_RDONLY);
    if (!opened) return "[" + std::string(error_name(opened.error().code)) + "]";
    std::byte block[64];
    const ssize_t got = read_some(opened->get(), block);
    if (got < 0) return "[errno " + std::to_string(errno) + "]";
    return std::string(text_of(Bytes(block).first(static_cast<std::size_t>(got))));
  }

  [[nodiscard]] std::string message(std::string_view name, int flags = O_RDONLY) const {
    const auto opened = root->open_existing(name, flags);
    return opened ? "" : opened.error().message;
  }

  test::TemporaryDirectory tree;
  std::optional<RootedDirectory> root;
};

INSTANTIATE_TEST_SUITE_P(Methods, RootedPath, testing::Values(Method::kOpenat2, Method::kWalk, Method::kAutomatic),
                         [](const auto& instance) {
                           if (instance.param == Method::kOpenat2) return "Openat2";
                           return instance.param == Method::kWalk ? "Walk" : "Automatic";
                         });

TEST_P(RootedPath, NamesInsideAreReached) {
  for (const char* const name : {"file", "./file", ".//file", "dir/../file", "dir/deep/../../file", "dir/./../file"}) {
    EXPECT_EQ(read(name), "content") << name;
  }
  EXPECT_EQ(read("dir/inner"), "inner");
  EXPECT_EQ(read("dir//inner"), "inner");
}

TEST_P(RootedPath, AbsoluteNamesUnderTheRootAreReached) {
  EXPECT_EQ(read(tree / "root/file"), "content");
  EXPECT_EQ(read("/" + (tree / "root//dir/inner")), "inner");
}

TEST_P(RootedPath, DotDotNeverLeavesTheRoot) {
  for (const char* const name : {"..", "../", "../outside/secret", "dir/../../outside/secret", "dir/deep/../../..",
                                 "../root/file", "./.././root/file", "dir/../.."}) {
    EXPECT_EQ(read(name), "[outside_root]") << name;
  }
}

TEST_P(RootedPath, AbsoluteNamesElsewhereAreRefused) {
  for (const std::string& name : {std::string("/"), std::string("/etc/passwd"), tree / "outside/secret", tree.path(),
                                  tree / "root/../outside/secret", tree / "rootless", tree / "roo"}) {
    EXPECT_EQ(read(name), "[outside_root]") << name;
  }
}

TEST_P(RootedPath, LinksThatStayInsideWork) {
  tree.make_link("root/to_file", "file");
  tree.make_link("root/to_dir", "dir");
  tree.make_link("root/dir/up", "../file");
  tree.make_link("root/dir/deep/twice", "../../to_dir/up");
  EXPECT_EQ(read("to_file"), "content");
  EXPECT_EQ(read("to_dir/inner"), "inner");
  EXPECT_EQ(read("to_dir/../file"), "content");
  EXPECT_EQ(read("dir/up"), "content");
  EXPECT_EQ(read("dir/deep/twice"), "content");
}

TEST_P(RootedPath, DotDotBehindALinkMeansTheTargetsParent) {
  tree.make_directory("root/a/b");
  tree.make_file("root/a/here", "right");
  tree.make_file("root/here", "textual");
  tree.make_link("root/short", "a/b");
  EXPECT_EQ(read("short/../here"), "right");
}

TEST_P(RootedPath, LinksThatLeadOutAreRefused) {
  tree.make_link("root/out", "../outside/secret");
  tree.make_link("root/out_dir", "../outside");
  tree.make_link("root/dir/far", "deep/../../../outside/secret");
  tree.make_link("root/chain", "dir/far");
  tree.make_link("root/out_and_in", "../root/file");
  for (const char* const name : {"out", "out_dir/secret", "dir/far", "chain", "out_and_in", "out_dir/../root/file"}) {
    EXPECT_EQ(read(name), "[outside_root]") << name;
  }
}

TEST_P(RootedPath, AbsoluteLinksAreRefusedEvenIfTheyLeadBackIn) {
  tree.make_link("root/passwd", "/etc/passwd");
  tree.make_link("root/back_in", tree / "root/file");
  tree.make_link("root/slash", "/");
  EXPECT_EQ(read("passwd"), "[outside_root]");
  EXPECT_EQ(read("back_in"), "[outside_root]");
  EXPECT_EQ(read("slash/etc/passwd"), "[outside_root]");
}

TEST_P(RootedPath, APlainNameFollowsNoLinkWhereverItLeads) {
  tree.make_link("root/to-file", "file");
  tree.make_link("root/to-dir", "dir");
  EXPECT_TRUE(root->open_plain("file", O_RDONLY));
  EXPECT_TRUE(root->open_plain("dir/deep/../inner", O_RDONLY));
  EXPECT_TRUE(root->open_plain("to-file", O_PATH | O_NOFOLLOW));
  for (const char* const name : {"to-file", "to-dir/inner", "to-dir/", "dir/../to-dir/deep"}) {
    const auto opened = root->open_plain(name, O_RDONLY);
    ASSERT_FALSE(opened) << name;
    EXPECT_NE(opened.error().message.find("symbolic link"), std::string::npos) << opened.error().message;
    EXPECT_TRUE(root->open_existing(name, O_RDONLY)) << name;
  }
}

TEST_P(RootedPath, ADirectoryBelowIsARootOfItsOwn) {
  auto dir = root->open_existing("dir", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(dir);
  const RootedDirectory inner = root->at(*std::move(dir), tree / "root/dir");
  EXPECT_TRUE(inner.open_existing("inner", O_RDONLY));
  EXPECT_TRUE(inner.open_existing(tree / "root/dir/inner", O_RDONLY));
  EXPECT_FALSE(inner.open_existing("../file", O_RDONLY));
}

TEST_P(RootedPath, LinkLoopsEnd) {
  tree.make_link("root/self", "self");
  tree.make_link("root/ping", "pong");
  tree.make_link("root/pong", "ping");
  tree.make_link("root/growing", "growing/x");
  for (const char* const name : {"self", "ping", "growing", "self/x"}) {
    EXPECT_EQ(message(name), "'" + std::string(name) + "' cannot be opened: Too many levels of symbolic links");
  }
}

TEST_P(RootedPath, FortyLinksAreFollowedAndFortyOneAreNot) {
  tree.make_link("root/l1", "file");
  for (int i = 2; i <= 41; ++i) tree.make_link("root/l" + std::to_string(i), "l" + std::to_string(i - 1));
  EXPECT_EQ(read("l40"), "content");
  EXPECT_EQ(read("l41"), "[file_trouble]");
}

TEST_P(RootedPath, MagicLinksAreRefused) {
  const auto process = RootedDirectory::open("/proc/self", GetParam());
  ASSERT_TRUE(process);
  const UniqueFd pipe_like(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const std::string& name : {std::string("root"), std::string("root/etc/passwd"), std::string("cwd/x"),
                                  std::string("exe"), std::string("ns/mnt"), "fd/" + std::to_string(pipe_like.get())}) {
    const auto opened = process->open_existing(name, O_RDONLY);
    ASSERT_FALSE(opened) << name;
    EXPECT_NE(opened.error().message.find("Too many levels"), std::string::npos) << opened.error().message;
  }
  EXPECT_TRUE(process->open_existing("status", O_RDONLY));
}

TEST_P(RootedPath, OrdinaryLinksInProcfsWork) {
  const auto proc = RootedDirectory::open("/proc", GetParam());
  ASSERT_TRUE(proc);
  EXPECT_TRUE(proc->open_existing("self/status", O_RDONLY));
  EXPECT_TRUE(proc->open_existing("mounts", O_RDONLY));
}

TEST_P(RootedPath, RootOfTheWholeSystemWorks) {
  const auto slash = RootedDirectory::open("/", GetParam());
  ASSERT_TRUE(slash);
  EXPECT_EQ(slash->path(), "/");
  EXPECT_EQ(*slash->relative("/etc/passwd"), "etc/passwd");
  EXPECT_EQ(*slash->relative("/"), ".");
  EXPECT_TRUE(slash->open_existing("/etc/passwd", O_RDONLY));
  EXPECT_TRUE(slash->open_existing("/", O_RDONLY | O_DIRECTORY));
  EXPECT_FALSE(slash->open_existing("/..", O_RDONLY | O_DIRECTORY));
}

TEST_P(RootedPath, MissingNamesAreNotFound) {
  EXPECT_EQ(message("dir/b"), "'dir/b' is not there: No such file or directory");
  EXPECT_EQ(message("file/b"), "'file/b' is not there: Not a directory");
  EXPECT_EQ(message("file/"), "'file/' is not there: Not a directory");
  EXPECT_EQ(message("none/../file"), "'none/../file' is not there: No such file or directory");
  EXPECT_EQ(read("file/.."), "[not_found]");
}

TEST_P(RootedPath, OutsideIsSaidWithTheNameEscaped) {
  EXPECT_EQ(message("../x\n\x1b[2J"), "'../x\\n\\x1b[2J' lies outside the served directory");
}

TEST_P(RootedPath, WritingToADirectoryIsSaidToBeSo) {
  const auto opened = root->open_existing("dir", O_WRONLY);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIsDirectory);
}

TEST_P(RootedPath, PipeWithoutAPeerDoesNotBlock) {
  tree.make_pipe("root/pipe");
  EXPECT_TRUE(root->open_existing("pipe", O_RDONLY));
  const auto opened = root->open_existing("pipe", O_WRONLY);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotRegular);
}

TEST_P(RootedPath, NofollowStopsAtTheLastLinkOnly) {
  tree.make_link("root/to_dir", "dir");
  tree.make_link("root/dir/to_inner", "inner");
  EXPECT_TRUE(root->open_existing("to_dir/inner", O_RDONLY | O_NOFOLLOW));
  EXPECT_FALSE(root->open_existing("to_dir/to_inner", O_RDONLY | O_NOFOLLOW));
  const auto link = root->open_existing("to_dir/to_inner", O_PATH | O_NOFOLLOW);
  ASSERT_TRUE(link);
  struct stat status {};
  ASSERT_EQ(::fstat(link->get(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
}

TEST_P(RootedPath, DescriptorsAreCloseOnExec) {
  const auto file = root->open_existing("file", O_RDONLY);
  const auto path = root->open_existing("dir", O_PATH | O_DIRECTORY);
  const auto target = root->open_parent("dir/new");
  ASSERT_TRUE(file && path && target);
  for (const int fd : {root->fd(), file->get(), path->get(), target->parent.get()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  }
}

TEST_P(RootedPath, SuccessAndFailureLeaveNoDescriptorBehind) {
  tree.make_link("root/loop", "dir/../loop");
  const auto before = test::open_descriptor_count();
  for (const char* const name : {"dir/deep/../inner", "dir/deep/none", "dir/deep/../../..", "loop", "file/x"})
    EXPECT_NE(read(name), "");
  EXPECT_TRUE(root->open_parent("dir/deep/x"));
  EXPECT_EQ(test::open_descriptor_count(), before);
}

TEST_P(RootedPath, SearchPermissionIsEnoughOnTheWayAndNeeded) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have directories that somebody else may not list";
  ::chmod(tree.path().c_str(), 0711);
  ::chmod((tree / "root").c_str(), 0711);
  ::chmod((tree / "root/dir").c_str(), 0711);
  tree.make_directory("root/closed");
  tree.make_file("root/closed/x", "x");
  tree.make_file("root/dir/private", "x", 0600);
  ::chmod((tree / "root/closed").c_str(), 0744);
  const auto read_all = [this] {
    std::string all;
    for (const char* name : {"dir/inner", "dir/private", "closed/x", "closed/../file", "closed/.", "dir"}) {
      all += read(name) + " ";
    }
    return all;
  };
  EXPECT_EQ(test::as_nobody(read_all),
            "inner [no_permission] [no_permission] [no_permission] [no_permission] [no_permission] ");
}

TEST_P(RootedPath, ParentThatMayOnlyBeWrittenIntoIsOpenedAllTheSame) {
  ::chmod(tree.path().c_str(), 0711);
  tree.make_directory("root/dropbox");
  ::chmod((tree / "root/dropbox").c_str(), 0733);
  const std::string outcome = test::as_nobody([this]() -> std::string {
    const auto target = root->open_parent("dropbox/new");
    if (!target) return target.error().message;
    const int fd = ::openat(target->parent.get(), target->leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 ? "made" : "not made";
  });
  EXPECT_EQ(outcome, "made");
}

TEST_P(RootedPath, ParentCanBeSyncedToDisk) {
  const auto target = root->open_parent("dir/new");
  ASSERT_TRUE(target);
  EXPECT_EQ(::fsync(target->parent.get()), 0);
}

TEST_P(RootedPath, ParentAndLeafOfANameToBeMade) {
  tree.make_link("root/to_dir", "dir");
  struct Case {
    std::string name, directory, leaf;
  };
  for (const Case& expected :
       {Case{"new", "root", "new"}, Case{"dir/new", "root/dir", "new"}, Case{"dir//new", "root/dir", "new"},
        Case{"to_dir/../new", "root", "new"}, Case{"to_dir", "root", "to_dir"}, Case{"to_dir/new", "root/dir", "new"},
        Case{tree / "root/new", "root", "new"}, Case{"..new", "root", "..new"}}) {
    const auto target = root->open_parent(expected.name);
    ASSERT_TRUE(target) << target.error().message;
    struct stat got {
    }, wanted{};
    ASSERT_EQ(::fstat(target->parent.get(), &got), 0);
    ASSERT_EQ(::stat((tree / expected.directory).c_str(), &wanted), 0);
    EXPECT_EQ(got.st_ino, wanted.st_ino) << expected.name;
    EXPECT_EQ(target->leaf, expected.leaf);
  }
}

TEST_P(RootedPath, NamesOfNoFileThatCouldBeMadeAreRefused) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("dir/"), std::string("dir/."),
        std::string("dir/.."), std::string("new/"), tree / "root", tree / "root/", tree / "root/."}) {
    const auto target = root->open_parent(name);
    ASSERT_FALSE(target) << name;
    EXPECT_EQ(target.error().code, ErrorCode::kUsage) << name;
  }
}

TEST_P(RootedPath, ParentOutsideOrMissingIsRefused) {
  tree.make_link("root/out", "../outside");
  EXPECT_EQ(root->open_parent("../x").error().message, "'../x' lies outside the served directory");
  EXPECT_EQ(root->open_parent("out/x").error().code, ErrorCode::kOutsideRoot);
  EXPECT_EQ(root->open_parent(tree / "outside/x").error().code, ErrorCode::kOutsideRoot);
  EXPECT_EQ(root->open_parent("no/dir/x").error().message, "'no/dir' is not there: No such file or directory");
  EXPECT_EQ(root->open_parent("file/x").error().code, ErrorCode::kNotFound);
}

TEST_P(RootedPath, RelativeTakesTheRootOffAbsoluteNamesOnly) {
  EXPECT_EQ(*root->relative("a/b"), "a/b");
  EXPECT_EQ(*root->relative(tree / "root/a"), "a");
  EXPECT_EQ(*root->relative(tree / "root///a/"), "a/");
  EXPECT_EQ(*root->relative(tree / "root"), ".");
  EXPECT_EQ(*root->relative(tree / "root/"), ".");
  EXPECT_EQ(*root->relative(tree / "root/../x"), "../x") << "left to the resolution";
}

TEST_P(RootedPath, UnusableNamesAreRefused) {
  EXPECT_EQ(root->relative("").error().code, ErrorCode::kUsage);
  const Error zero = root->relative(std::string_view("fi\0le", 5)).error();
  EXPECT_EQ(zero.code, ErrorCode::kUsage);
  EXPECT_NE(zero.message.find("contains a zero byte"), std::string::npos);
}

TEST_P(RootedPath, LimitsOfLengthHold) {
  std::string longest;
  while (longest.size() < 4090) longest += "./";
  longest += "/file";
  ASSERT_EQ(longest.size(), kMaxNameBytes - 1) << "what the kernel takes at most";
  EXPECT_EQ(read(longest), "content");
  EXPECT_EQ(read(std::string(longest).insert(1, "/")), "[limit]") << "4096 bytes";
  EXPECT_EQ(read(longest + "xx"), "[limit]");
  const std::string component(kMaxComponentBytes, 'c');
  EXPECT_EQ(read(component), "[not_found]");
  EXPECT_EQ(read(component + "c"), "[limit]");
  EXPECT_EQ(read("dir/" + component + "c/x"), "[limit]");
  EXPECT_EQ(root->open_parent(component + "c").error().code, ErrorCode::kLimit);
}

TEST_P(RootedPath, RootItselfIsGivenByItsCanonicalPath) {
  tree.make_link("alias", "root/../root");
  const auto alias = RootedDirectory::open(tree / "alias", GetParam());
  ASSERT_TRUE(alias);
  EXPECT_EQ(alias->path(), tree / "root");
  EXPECT_TRUE(alias->open_existing(tree / "root/file", O_RDONLY));
}

TEST_P(RootedPath, RootStaysPinnedWhenItIsRenamed) {
  ASSERT_EQ(::rename((tree / "root").c_str(), (tree / "moved").c_str()), 0);
  EXPECT_EQ(read("file"), "content");
}

TEST_P(RootedPath, WhatIsNoDirectoryCannotBeARoot) {
  EXPECT_EQ(RootedDirectory::open(tree / "root/file", GetParam()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RootedDirectory::open(tree / "none", GetParam()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(RootedDirectory::open("", GetParam()).error().code, ErrorCode::kNotFound);
}

// Which method an open root really uses shows when openat2 is gone after it was opened.
TEST(RootedPathFallback, WithoutOpenat2TheWalkTakesOver) {
  const test::TemporaryDirectory tree;
  tree.make_file("file", "content");
  for (const int error : {ENOSYS, EPERM, EINVAL}) {
    bool denied = false;
    bool works = false;
    bool forced_works = true;
    std::thread([&] {
      denied = test::deny_syscall(SYS_openat2, error);
      const auto automatic = RootedDirectory::open(tree.path());
      works = automatic && automatic->open_existing("file", O_RDONLY);
      const auto forced = RootedDirectory::open(tree.path(), Method::kOpenat2);
      forced_works = forced && forced->open_existing("file", O_RDONLY);
    }).join();
    if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
    EXPECT_TRUE(works) << error;
    EXPECT_FALSE(forced_works) << "the filter denies nothing, so this test proves nothing";
  }
}

TEST(RootedPathFallback, EndlessEagainEndsInTheWalk) {
  const test::TemporaryDirectory tree;
  tree.make_file("file", "content");
  bool denied = false;
  bool works = false;
  std::thread([&] {
    denied = test::deny_syscall(SYS_openat2, EAGAIN);
    const auto root = RootedDirectory::open(tree.path(), Method::kOpenat2);
    works = root && root->open_existing("file", O_RDONLY);
  }).join();
  if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
  EXPECT_TRUE(works);
}

}  // namespace
}  // namespace farhand
