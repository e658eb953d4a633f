// The sandboxes: everything that is not moving files below the root fails, and moving files works.
#include "server/process/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "common/result.h"
#include "common/rooted_path.h"
#include "tests/support/in_child.h"
#include "tests/unit/server/process/ways_out.h"

namespace farhand {
namespace {

using test::ChildOutcome;
using test::in_child;
using test::Scene;
using test::Way;

// A way that executes something ends its process without a word; that, too, is success.
bool got_out(const ChildOutcome& outcome) {
  return outcome.said != "failed";
}

ChildOutcome attempt(const Way& way, const std::function<void(const Scene&)>& confine) {
  const Scene scene;  // a fresh one: ways leave traces
  return in_child([&]() -> std::string {
    confine(scene);
    return way.succeeds(scene) ? "succeeded" : "failed";
  });
}

std::vector<Way> all_ways() {
  std::vector<Way> ways = test::ways_to_run();
  for (Way& way : test::ways_through_files()) ways.push_back(std::move(way));
  return ways;
}

std::pair<UniqueFd, UniqueFd> connection() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

#define NEEDS_SANDBOX() \
  if (!sandbox_support().complete()) GTEST_SKIP() << "this kernel lacks Landlock or seccomp filters"

TEST(Sandbox, InATransferSessionNoneOfTheWaysOutLeadsOut) {
  NEEDS_SANDBOX();
  const auto ways = all_ways();
  ASSERT_GE(ways.size(), 80U);
  for (const bool writes : {true, false}) {
    for (const Way& way : ways) {
      const auto outcome =
          attempt(way, [writes](const Scene& scene) { enter_transfer_sandbox(scene.root_fd.get(), writes); });
      EXPECT_FALSE(got_out(outcome)) << way.name << (writes ? ", writing" : ", reading") << ": " << outcome.said << " "
                                     << outcome.status;
    }
  }
}

TEST(Sandbox, BeforeLoginNoneOfTheWaysOutLeadsOut) {
  NEEDS_SANDBOX();
  for (const Way& way : all_ways()) {
    const auto outcome = attempt(way, [](const Scene&) { enter_gate_sandbox(); });
    EXPECT_FALSE(got_out(outcome)) << way.name << ": " << outcome.said << " " << outcome.status;
  }
}

// The honest twin: they are ways. Kernels and containers close some by themselves.
TEST(Sandbox, WithoutASandboxMostOfTheWaysLeadOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root: many of the ways are closed to others anyway";
  std::string closed;
  std::size_t open = 0;
  for (const Way& way : all_ways()) {
    if (got_out(attempt(way, [](const Scene&) {}))) {
      ++open;
    } else {
      closed += std::string("\n  ") + way.name;
    }
  }
  RecordProperty("closed", closed);
  EXPECT_GE(open, 70U) << "closed without a sandbox:" << closed;
}

TEST(Sandbox, ACallOfAnotherArchitectureEndsTheProcess) {
  NEEDS_SANDBOX();
#if defined(__x86_64__)
  const Scene scene;
  const auto outcome = in_child([&]() -> std::string {
    enter_transfer_sandbox(scene.root_fd.get(), true);
    long result = 20;                                       // getpid of the 32-bit table
    asm volatile("int $0x80" : "+a"(result) : : "memory");  // NOLINT
    return "went on";
  });
  EXPECT_TRUE(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGSYS) << outcome.said;
#else
  GTEST_SKIP() << "there is no other architecture to call here";
#endif
}

// What an upload and a download do, step by step.
std::string move_files(const RootedDirectory& root) {
  auto place = root.open_parent("sub/../file");
  if (!place) return place.error().message;
  const UniqueFd part(::openat(place->parent.get(), "part", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!part || ::pwrite(part.get(), "new", 3, 0) != 3 || ::ftruncate(part.get(), 3) != 0) return "part";
  if (::posix_fallocate(part.get(), 0, 3) != 0 || ::fchmod(part.get(), 0640) != 0) return "preparing";
  const timespec times[2] = {{5, 0}, {5, 0}};
  if (::futimens(part.get(), times) != 0 || ::fsync(part.get()) != 0 || ::syncfs(part.get()) != 0) return "sealing";
  if (::renameat(place->parent.get(), "part", place->parent.get(), "file") != 0) return "publishing";
  const auto file = root.open_existing("file", O_RDONLY);
  struct stat status {};
  if (!file || ::fstat(file->get(), &status) != 0 || status.st_mtime != 5 || (status.st_mode & 0777) != 0640)
    return "reading";
  if (::mkdirat(root.fd(), "made", 0700) != 0 || ::unlinkat(root.fd(), "made", AT_REMOVEDIR) != 0) return "directories";
  return "";
}

TEST(Sandbox, ATransferSessionMovesFilesBelowItsRoot) {
  NEEDS_SANDBOX();
  const Scene scene;
  scene.directory.make_directory("root/sub");
  const auto root = RootedDirectory::open(scene.root);
  ASSERT_TRUE(root);
  const auto outcome = in_child([&]() -> std::string {
    enter_transfer_sandbox(root->fd(), true);
    return move_files(*root) + ".";
  });
  EXPECT_EQ(outcome.said, ".");
}

TEST(Sandbox, ASessionThatMayOnlyReadCannotWrite) {
  NEEDS_SANDBOX();
  const Scene scene;
  const auto root = RootedDirectory::open(scene.root);
  ASSERT_TRUE(root);
  const auto outcome = in_child([&]() -> std::string {
    enter_transfer_sandbox(root->fd(), false);
    std::string done;
    if (root->open_existing("file", O_RDONLY)) done += "read ";
    if (root->open_existing("file", O_WRONLY)) done += "write ";
    if (root->open_existing("file", O_RDONLY | O_TRUNC)) done += "truncate ";
    if (UniqueFd(::openat(root->fd(), "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600))) done += "create ";
    if (::unlinkat(root->fd(), "file", 0) == 0) done += "remove ";
    if (::mkdirat(root->fd(), "made", 0700) == 0) done += "mkdir ";
    if (::renameat(root->fd(), "file", root->fd(), "other") == 0) done += "rename ";
    return done;
  });
  EXPECT_EQ(outcome.said, "read ");
}

TEST(Sandbox, ATransferSessionHasItsConnectionAndThreads) {
  NEEDS_SANDBOX();
  const Scene scene;
  const auto [a, b] = connection();
  const auto outcome = in_child([&]() -> std::string {
    enter_transfer_sandbox(scene.root_fd.get(), true);
    std::string heard(5, '\0');
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    std::thread([&] {
      const std::uint64_t one = 1;
      if (::send(a.get(), "hello", 5, MSG_NOSIGNAL) == 5 && ::write(event.get(), &one, 8) == 8) heard += "sent ";
    }).join();
    if (::recv(b.get(), heard.data(), 5, 0) != 5 || ::shutdown(b.get(), SHUT_WR) != 0) return "no connection";
    const std::vector<char> memory(std::size_t{64} << 20, 'x');  // large enough to be mapped
    return heard + (memory.back() == 'x' ? "memory" : "");
  });
  EXPECT_EQ(outcome.said, "hellosent memory");
}

TEST(Sandbox, TheGateHasItsConnectionAndNoFile) {
  NEEDS_SANDBOX();
  const Scene scene;
  const auto [a, b] = connection();
  const auto outcome = in_child([&]() -> std::string {
    enter_gate_sandbox();
    std::string heard(5, '\0');
    if (::send(a.get(), "hello", 5, MSG_NOSIGNAL) != 5 || ::recv(b.get(), heard.data(), 5, 0) != 5)
      return "no connection";
    if (UniqueFd(::openat(scene.root_fd.get(), "file", O_RDONLY | O_CLOEXEC))) return "a file";
    return heard;
  });
  EXPECT_EQ(outcome.said, "hello");
}

TEST(Sandbox, WhatTheKernelLacksIsSaidInOneLine) {
  EXPECT_EQ(sentence_of({7, true}), "gates and transfer-only sessions are confined by Landlock 7 and seccomp");
  EXPECT_NE(sentence_of({0, true}).find("no Landlock"), std::string::npos);
  EXPECT_NE(sentence_of({1, false}).find("no seccomp"), std::string::npos);
  EXPECT_NE(sentence_of({0, false}).find("not confined"), std::string::npos);
}

}  // namespace
}  // namespace farhand
