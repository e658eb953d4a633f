// spawn and Child: words and streams arrive as they are, and every kind of end is told.
#include "common/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/file_io.h"
#include "common/sanitizers.h"
#include "tests/support/process_state.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using test::request_for;
using test::run_program;

bool ended_within_a_minute(const Child& child) {
  pollfd entry{child.exit_fd(), POLLIN, 0};
  return ::poll(&entry, 1, 60'000) == 1;
}

// Whether a process is gone or a zombie that nobody has fetched yet. Orphans go to init, which takes its time.
bool is_dead(pid_t pid) {
  const auto status = read_small_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  return !status || status->find(") Z ") != std::string::npos || status->find(") X ") != std::string::npos;
}

bool dies_within_a_minute(pid_t pid) {
  const auto pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return true;
  pollfd entry{pidfd.get(), POLLIN, 0};
  return ::poll(&entry, 1, 60'000) == 1 || is_dead(pid);
}

Child start(std::vector<std::string> argv) {
  auto child = spawn(request_for(std::move(argv)));
  if (!child) throw std::runtime_error(child.error().message);
  return *std::move(child);
}

TEST(Spawn, WordsArriveExactly) {
  const std::vector<std::string> words{
      "",  " ",  "two words", "new\nline",    "tab\t", "'quoted' \"twice\"",     "$HOME `id` $(id)",
      "*", "\\", "-n",        "\xff\xfe\x80", "ü",     std::string(100'000, 'x')};
  std::vector<std::string> argv{"sh", "-c", "for word; do printf '%s\\0' \"$word\"; done", "sh"};
  argv.insert(argv.end(), words.begin(), words.end());
  std::string expected;
  for (const std::string& word : words) expected += word + '\0';
  EXPECT_EQ(run_program(request_for(argv)).output, expected);
}

TEST(Spawn, NoShellLooksAtTheWords) {
  EXPECT_EQ(run_program(request_for({"echo", "$HOME;", "id", "|", "cat", ">x"})).output, "$HOME; id | cat >x\n");
}

TEST(Spawn, ProgramSeesItsNameAsItWasGiven) {
  EXPECT_EQ(run_program(request_for({"sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline; :"})).output.substr(0, 6), "sh -c ");
}

TEST(Spawn, ThreeStreamsAreThreePipes) {
  const auto run = run_program(request_for({"sh", "-c", "cat; echo oops >&2"}), "fed\n");
  EXPECT_EQ(run.output, "fed\n");
  EXPECT_EQ(run.errors, "oops\n");
}

TEST(Spawn, MergedErrorsAreInTheOutputInTrueOrder) {
  auto request = request_for({"sh", "-c", "echo one; echo two >&2; echo three; ls -l /proc/$$/fd | grep -c 'pipe:'"});
  request.merge_errors = true;
  auto child = spawn(request);
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->errors) << "there is no such stream";
  const std::string output = test::read_to_end(child->output);
  EXPECT_TRUE(output.starts_with("one\ntwo\nthree\n")) << output;
  EXPECT_EQ(child->reap().code, 0);
}

TEST(Spawn, ClosedInputIsTheEndForTheProgram) {
  Child child = start({"cat"});
  child.input.reset();
  EXPECT_EQ(test::read_to_end(child.output), "");
  EXPECT_EQ(child.reap().code, 0);
}

// The status flags of one of a child's descriptors, as fcntl's F_GETFL gives them.
int flags_in_child(const Child& child, int fd) {
  const auto info = read_small_file("/proc/" + std::to_string(child.pid()) + "/fdinfo/" + std::to_string(fd), 4096);
  if (!info) throw std::runtime_error(info.error().message);
  return std::stoi(info->substr(info->find("flags:") + 6), nullptr, 8);
}

TEST(Spawn, OurEndsDoNotBlockAndTheChildsDo) {
  const Child child = start({"cat"});
  for (const UniqueFd* ours : {&child.input, &child.output, &child.errors}) {
    EXPECT_TRUE((::fcntl(ours->get(), F_GETFL) & O_NONBLOCK) != 0);
    EXPECT_EQ(::fcntl(ours->get(), F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(::fcntl(child.exit_fd(), F_GETFD), FD_CLOEXEC);
  for (const int fd : {0, 1, 2}) EXPECT_EQ(flags_in_child(child, fd) & O_NONBLOCK, 0) << fd;
}

TEST(Spawn, OutputLargerThanEveryPipeArrivesWhole) {
  const auto run = run_program(request_for({"head", "-c", "5000000", "/dev/zero"}));
  EXPECT_EQ(run.output.size(), 5'000'000u);
}

TEST(Spawn, ExitCodesAreTold) {
  for (const int code : {0, 1, 2, 42, 126, 127, 128, 129, 137, 254, 255}) {
    const auto status = run_program(request_for({"sh", "-c", "exit " + std::to_string(code)})).status;
    EXPECT_FALSE(status.signalled);
    EXPECT_EQ(status.code, code);
    EXPECT_FALSE(status.core);
  }
}

TEST(Spawn, SignalsThatEndItAreTold) {
  for (const int number : {SIGKILL, SIGTERM, SIGHUP, SIGPIPE, SIGINT}) {
    const auto status = run_program(request_for({"sh", "-c", "kill -" + std::to_string(number) + " $$"})).status;
    EXPECT_TRUE(status.signalled);
    EXPECT_EQ(status.signal, number);
    EXPECT_EQ(status.code, 0);
    EXPECT_FALSE(status.core);
  }
}

TEST(Spawn, CoreIsToldWhenOneWasWrittenAndOnlyThen) {
  const auto pattern = read_small_file("/proc/sys/kernel/core_pattern", 4096);
  if (!pattern || pattern->starts_with('|') || pattern->starts_with('/')) {
    GTEST_SKIP() << "cores are not written to the working directory here";
  }
  const test::TemporaryDirectory directory;
  const UniqueFd there(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto request = request_for({"sh", "-c", "ulimit -c 0; kill -ABRT $$"});
  request.working_directory = there.get();
  const auto without = run_program(request).status;
  EXPECT_EQ(without.signal, SIGABRT);
  EXPECT_FALSE(without.core);
  request.argv.back() = "ulimit -c unlimited && kill -ABRT $$";
  const auto with = run_program(request).status;
  if (!with.signalled) GTEST_SKIP() << "cores are not permitted here";
  EXPECT_EQ(with.signal, SIGABRT);
  EXPECT_EQ(with.core, !std::filesystem::is_empty(directory.path()));
}

TEST(Spawn, WhatItUsedIsToldWithThatOfItsChildren) {
  const auto usage =
      run_program(request_for({"sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; :"})).status.usage;
  EXPECT_GT(usage.user + usage.system, std::chrono::milliseconds(5));
  EXPECT_LT(usage.user + usage.system, std::chrono::minutes(1));
  const auto through_child =
      run_program(request_for({"sh", "-c", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; :"}))
          .status.usage;
  EXPECT_GT(through_child.user + through_child.system, std::chrono::milliseconds(5));
}

TEST(Spawn, OurOwnMemoryIsNotTakenForTheProgramsAndItsOwnIsTold) {
  const std::string ours(64 << 20, 'x');  // touched, so that it counts
  EXPECT_EQ(run_program(request_for({"true"})).status.usage.memory, 0u) << "not known: less than " << ours.size();
  const std::uint64_t wanted = std::uint64_t{kSanitized ? 2048 : 512} << 20;  // a sanitizer keeps what was freed
  const auto usage =
      run_program(request_for({"dd", "if=/dev/zero", "of=/dev/null", "bs=" + std::to_string(wanted), "count=1"}))
          .status.usage;
  EXPECT_GE(usage.memory, wanted);
  EXPECT_LT(usage.memory, wanted + (64 << 20));
}

TEST(Child, PeekSeesTheEndAndDoesNotTakeIt) {
  Child child = start({"sh", "-c", "read line; exit 7"});
  EXPECT_FALSE(child.peek()) << "it waits for a line";
  child.input.reset();
  ASSERT_TRUE(ended_within_a_minute(child));
  for (int again = 0; again < 2; ++again) {
    const auto status = child.peek();
    ASSERT_TRUE(status);
    EXPECT_EQ(status->code, 7);
  }
  EXPECT_EQ(::kill(child.pid(), 0), 0) << "the zombie must still hold its number";
  EXPECT_EQ(child.reap().code, 7);
  EXPECT_EQ(::waitpid(child.pid(), nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Child, ExitDescriptorIsQuietWhileItRuns) {
  Child child = start({"cat"});
  pollfd entry{child.exit_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  child.signal_group(SIGTERM);
  EXPECT_TRUE(ended_within_a_minute(child));
  EXPECT_EQ(child.reap().signal, SIGTERM);
}

TEST(Child, ReapWaitsForTheEnd) {
  Child child = start({"sh", "-c", "exec sleep 0.05"});
  EXPECT_EQ(child.reap().code, 0);
}

TEST(Child, SignalReachesGrandchildren) {
  Child child = start({"sh", "-c", "sleep 1000 & echo $!; wait"});
  const pid_t grandchild = std::stoi(test::read_line(child.output));
  EXPECT_FALSE(is_dead(grandchild));
  child.signal_group(SIGTERM);
  EXPECT_EQ(child.reap().signal, SIGTERM);
  EXPECT_TRUE(dies_within_a_minute(grandchild));
}

TEST(Child, SignalAfterTheLeadersEndStillReachesTheGroup) {
  Child child = start({"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"});
  const pid_t grandchild = std::stoi(test::read_line(child.output));
  ASSERT_TRUE(ended_within_a_minute(child));
  EXPECT_FALSE(is_dead(grandchild));
  child.signal_group(SIGKILL);
  EXPECT_TRUE(dies_within_a_minute(grandchild));
  EXPECT_EQ(child.reap().code, 0);
}

TEST(Child, NothingIsSignalledAfterReap) {
  Child child = start({"sh", "-c", "exec 3<&0; cat <&3 & echo started"});
  EXPECT_EQ(test::read_line(child.output), "started");
  child.reap();
  child.signal_group(SIGKILL);  // the group's number is not ours any more
  EXPECT_TRUE(write_all(child.input.get(), bytes_of("alive\n")));
  EXPECT_EQ(test::read_line(child.output), "alive");
}

TEST(Child, DestructorKillsTheGroupAndLeavesNoZombie) {
  const auto children = test::child_count();
  const auto descriptors = test::open_descriptor_count();
  pid_t leader = 0;
  pid_t grandchild = 0;
  {
    Child child = start({"sh", "-c", "trap '' TERM HUP; sleep 1000 & echo $!; wait"});
    leader = child.pid();
    grandchild = std::stoi(test::read_line(child.output));
  }
  EXPECT_TRUE(dies_within_a_minute(grandchild));
  EXPECT_EQ(::kill(leader, 0), -1);
  EXPECT_EQ(test::child_count(), children);
  EXPECT_EQ(test::open_descriptor_count(), descriptors);
}

TEST(Child, MovedFromChildKillsNobody) {
  Child first = start({"cat"});
  const pid_t pid = first.pid();
  {
    Child second = std::move(first);
    EXPECT_EQ(second.pid(), pid);
    first = std::move(second);
  }
  EXPECT_FALSE(is_dead(pid));
  first.input.reset();
  EXPECT_EQ(first.reap().code, 0);
}

TEST(Child, AssignmentEndsTheOneThatIsReplaced) {
  Child child = start({"sleep", "1000"});
  const pid_t replaced = child.pid();
  child = start({"sh", "-c", "exit 3"});
  EXPECT_EQ(::kill(replaced, 0), -1);
  EXPECT_EQ(child.reap().code, 3);
}

}  // namespace
}  // namespace farhand
