// What a spawned program gets from us: what was asked for, and nothing by accident.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "common/file_io.h"
#include "tests/support/as_nobody.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using test::request_for;
using test::run_program;

// The descriptors that are open in the program that `request` starts, as in "0 1 2": looked at from here, because every
// program that lists its own needs one more to do it.
std::string descriptors_of(SpawnRequest request) {
  request.argv = {"cat"};
  auto child = spawn(request);
  if (!child) return child.error().message;
  write_all(child->input.get(), bytes_of("loaded\n"));  // once it comes back, the loader has closed its files
  test::read_line(child->output);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(child->pid()) + "/fd")) {
    names.insert(entry.path().filename());
  }
  std::string listing;
  for (const std::string& name : names) listing += (listing.empty() ? "" : " ") + name;
  return listing;
}

TEST(SpawnInheritance, EnvironmentIsExactlyWhatWasGiven) {
  ::setenv("FARHAND_TEST_SECRET", "must not be seen", 1);
  auto request = request_for({"env", "-0"});
  request.environment = {"A=1", "EMPTY=", "ODD= a=b\nc", "PATH=/nowhere"};
  EXPECT_EQ(run_program(request).output, std::string("A=1\0EMPTY=\0ODD= a=b\nc\0PATH=/nowhere\0", 36));
  request.environment.clear();
  EXPECT_EQ(run_program(request).output, "");
  ::unsetenv("FARHAND_TEST_SECRET");
}

// The lines of /proc/self/status that tell of signals, of a program that changes none itself.
std::string signals_of_a_child() {
  std::istringstream status(run_program(request_for({"cat", "/proc/self/status"})).output);
  std::string lines;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigIgn") || line.starts_with("SigBlk") || line.starts_with("SigCgt")) lines += line + "\n";
  }
  return lines;
}

// With our SIGPIPE ignored, as the server's is, a child that inherited it would never end by a closed pipe.
TEST(SpawnInheritance, SignalsAreAsAtBirth) {
  struct sigaction ignore {
  }, pipe_before{}, pipe_after{}, last_before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &pipe_before);
  ::sigaction(SIGRTMAX, &ignore, &last_before);
  sigset_t all, mask_before, mask_after;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &mask_before);
  const std::string signals = signals_of_a_child();
  ::pthread_sigmask(SIG_SETMASK, &mask_before, &mask_after);
  ::sigaction(SIGPIPE, &pipe_before, &pipe_after);
  ::sigaction(SIGRTMAX, &last_before, nullptr);
  EXPECT_EQ(signals, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
  EXPECT_EQ(pipe_after.sa_handler, SIG_IGN) << "ours must stay as it was";
  EXPECT_EQ(::sigismember(&mask_after, SIGTERM), 1);
}

TEST(SpawnInheritance, OurSignalMaskIsRestored) {
  sigset_t mask, before, after;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGUSR2);
  ::pthread_sigmask(SIG_SETMASK, &mask, &before);
  run_program(request_for({"true"}));
  static_cast<void>(spawn(request_for({"no-such-program"})));
  ::pthread_sigmask(SIG_SETMASK, &before, &after);
  for (int number = 1; number < NSIG; ++number) {
    EXPECT_EQ(::sigismember(&after, number), ::sigismember(&mask, number)) << number;
  }
}

TEST(SpawnInheritance, OurHandlersStay) {
  struct sigaction handler {
  }, before{}, after{};
  handler.sa_handler = [](int) {
  };
  ::sigaction(SIGUSR2, &handler, &before);
  run_program(request_for({"true"}));
  ::sigaction(SIGUSR2, &before, &after);
  EXPECT_EQ(after.sa_handler, handler.sa_handler);
}

// Descriptors that somebody forgot to make close-on-exec, close by and far up.
class Leaks {
 public:
  Leaks() {
    for (int i = 0; i < 100; ++i) open_.emplace_back(::open("/dev/null", O_RDONLY));
    open_.emplace_back(::fcntl(open_.front().get(), F_DUPFD, 900));
  }

 private:
  std::vector<UniqueFd> open_;
};

TEST(SpawnInheritance, OnlyTheThreeStreamsAreOpen) {
  const Leaks leaks;
  EXPECT_EQ(descriptors_of(request_for({})), "0 1 2");
}

TEST(SpawnInheritance, OnlyTheThreeStreamsAreOpenWithoutCloseRangeToo) {
  const Leaks leaks;
  for (const int error : {ENOSYS, EINVAL, EPERM}) {
    bool denied = false;
    std::string listing;
    std::thread([&] {
      denied = test::deny_syscall(SYS_close_range, error);
      listing = descriptors_of(request_for({}));
    }).join();
    if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
    EXPECT_EQ(listing, "0 1 2");
  }
}

TEST(SpawnInheritance, DescriptorLimitIsSetForTheChildOnly) {
  rlimit before{}, after{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto request = request_for({"sh", "-c", "ulimit -Sn; ulimit -Hn"});
  request.descriptor_limit = rlimit{77, 99};
  EXPECT_EQ(run_program(request).output, "77\n99\n");
  ::getrlimit(RLIMIT_NOFILE, &after);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur);
  EXPECT_EQ(after.rlim_max, before.rlim_max);
}

TEST(SpawnInheritance, LimitBelowOurOwnDescriptorsLeavesNoneOpen) {
  const Leaks leaks;
  auto request = request_for({});
  request.descriptor_limit = rlimit{16, 16};
  EXPECT_EQ(descriptors_of(request), "0 1 2");
}

TEST(SpawnInheritance, WithoutALimitGivenItKeepsOurs) {
  rlimit ours{};
  ::getrlimit(RLIMIT_NOFILE, &ours);
  EXPECT_EQ(run_program(request_for({"sh", "-c", "ulimit -Sn"})).output, std::to_string(ours.rlim_cur) + "\n");
}

TEST(SpawnInheritance, WorkingDirectoryIsTheDescriptors) {
  const test::TemporaryDirectory directory;
  directory.make_directory("sub");
  directory.make_file("sub/tool", "#!/bin/sh\npwd -P\n", 0755);
  const UniqueFd sub(::open((directory / "sub").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto request = request_for({"pwd", "-P"});
  request.working_directory = sub.get();
  EXPECT_EQ(run_program(request).output, (directory / "sub\n"));
  request.argv = {"./tool"};
  EXPECT_EQ(run_program(request).output, (directory / "sub\n")) << "a name with a slash counts from there";
  request.working_directory = -1;
  request.argv = {"pwd", "-P"};
  char ours[4096];
  EXPECT_EQ(run_program(request).output, std::string(::getcwd(ours, sizeof ours)) + "\n");
}

constexpr SpawnUser kNobody{65534, 65533};

TEST(SpawnInheritance, UserIsTheOneGivenAndOursStays) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a user to give up";
  auto request = request_for({"sh", "-c", "grep -E '^(Uid|Gid|Groups)' /proc/self/status; echo more > /dev/stderr"});
  request.user = kNobody;
  const int dumpable = ::prctl(PR_GET_DUMPABLE);
  const auto run = run_program(request);
  EXPECT_EQ(run.output, "Uid:\t65534\t65534\t65534\t65534\nGid:\t65533\t65533\t65533\t65533\nGroups:\t \n");
  EXPECT_EQ(run.errors, "more\n") << "the streams are the user's";
  EXPECT_EQ(::geteuid(), 0U);
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), dumpable) << "the child shared our memory";
  request.user.reset();
  EXPECT_TRUE(run_program(request).output.starts_with("Uid:\t0\t0"));
}

TEST(SpawnInheritance, UserCannotGoBack) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a user to give up";
  auto request = request_for({"grep", "Cap[EP]", "/proc/self/status"});
  request.user = kNobody;
  EXPECT_EQ(run_program(request).output, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
}

TEST(SpawnInheritance, SessionAndGroupAreItsOwn) {
  auto child = spawn(request_for({"cat"}));
  ASSERT_TRUE(child);
  EXPECT_EQ(::getpgid(child->pid()), child->pid());
  EXPECT_EQ(::getsid(child->pid()), child->pid());
  EXPECT_NE(::getsid(0), child->pid());
}

// A daemon may have closed its own streams: the pipes then land on 0, 1, 2 and must not overwrite each other.
TEST(SpawnInheritance, WorksWhenOurOwnStreamsAreClosed) {
  for (int closed = 1; closed < 8; ++closed) {
    const std::string outcome = test::as_nobody([closed] {
      for (int fd = 0; fd < 3; ++fd) {
        if ((closed & (1 << fd)) != 0) ::close(fd);
      }
      const auto run = run_program(request_for({"sh", "-c", "cat; echo err >&2; exit 5"}), "in ");
      return run.output + run.errors + std::to_string(run.status.code);
    });
    EXPECT_EQ(outcome, "in err\n5") << "closed: " << closed;
  }
}

TEST(SpawnInheritance, WorkingDirectoryMayStandWhereAStreamWill) {
  for (int place = 0; place < 3; ++place) {
    const std::string outcome = test::as_nobody([place] {
      const UniqueFd usr(::open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
      ::dup2(usr.get(), place);
      auto request = request_for({"pwd", "-P"});
      request.working_directory = place;
      return run_program(request).output;
    });
    EXPECT_EQ(outcome, "/usr\n") << place;
  }
}

}  // namespace
}  // namespace farhand
