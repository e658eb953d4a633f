// spawn's refusals: each cause has its code and sentence, and leaves nothing behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "tests/support/as_nobody.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/process_state.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using test::request_for;

class SpawnFailure : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(test::open_descriptor_count(), descriptors_);
    EXPECT_EQ(test::child_count(), children_);
  }

  static Error error_of(const SpawnRequest& request) {
    const auto child = spawn(request);
    return child ? Error{ErrorCode::kInternal, "it was started", false} : child.error();
  }
  static Error error_of(std::vector<std::string> argv) { return error_of(request_for(std::move(argv))); }

  test::TemporaryDirectory directory;

 private:
  std::size_t descriptors_ = test::open_descriptor_count();
  std::size_t children_ = test::child_count();
};

TEST_F(SpawnFailure, NoSuchProgram) {
  const Error error = error_of({"no-such-program"});
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.message, "there is no program 'no-such-program' on the host");
  EXPECT_EQ(error_of({directory / "none"}).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of({"/etc/passwd/x"}).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of({""}).code, ErrorCode::kNotFound);
}

TEST_F(SpawnFailure, NameIsEscapedInTheSentence) {
  EXPECT_EQ(error_of({"x\x1b[2J"}).message, "there is no program 'x\\x1b[2J' on the host");
}

TEST_F(SpawnFailure, EmptySearchPathFindsNothing) {
  auto request = request_for({"sh"});
  request.search_path.clear();
  EXPECT_EQ(error_of(request).code, ErrorCode::kNotFound);
}

TEST_F(SpawnFailure, EmptyPartOfTheSearchPathIsNotTheWorkingDirectory) {
  directory.make_file("trap", "#!/bin/sh\n", 0755);
  const UniqueFd there(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const char* const path : {":", "::/bin", "/bin:", ":/bin:"}) {
    auto request = request_for({"trap"});
    request.search_path = path;
    request.working_directory = there.get();
    EXPECT_EQ(spawn(request).error().code, ErrorCode::kNotFound) << path;
  }
}

TEST_F(SpawnFailure, FileWithoutExecutePermission) {
  directory.make_file("plain", "#!/bin/sh\n", 0644);
  const Error error = error_of({directory / "plain"});
  EXPECT_EQ(error.code, ErrorCode::kNotExecutable);
  EXPECT_EQ(error.message, "'" + (directory / "plain") + "' cannot be run: Permission denied");
}

TEST_F(SpawnFailure, ScriptWithoutAnInterpreterLineIsNotGivenToAShell) {
  directory.make_file("script", "echo ran\n", 0755);
  const Error error = error_of({directory / "script"});
  EXPECT_EQ(error.code, ErrorCode::kNotExecutable);
  EXPECT_NE(error.message.find("Exec format error"), std::string::npos) << error.message;
}

TEST_F(SpawnFailure, DirectoryAsProgram) {
  EXPECT_EQ(error_of({directory.path()}).code, ErrorCode::kNotExecutable);
  EXPECT_EQ(error_of({"/"}).code, ErrorCode::kNotExecutable);
}

TEST_F(SpawnFailure, SearchGoesOnBehindWhatCannotBeRun) {
  directory.make_directory("first");
  directory.make_directory("second");
  directory.make_file("first/tool", "#!/bin/sh\n", 0644);
  directory.make_file("second/tool", "#!/bin/sh\necho second\n", 0755);
  auto request = request_for({"tool"});
  request.search_path = directory / "none" + ":/etc/passwd:" + (directory / "first") + ":" + (directory / "second");
  EXPECT_EQ(test::run_program(request).output, "second\n");
  request.search_path = directory / "first" + ":" + (directory / "none");
  EXPECT_EQ(error_of(request).code, ErrorCode::kNotExecutable)
      << "what was denied is more telling than what is not there";
}

TEST_F(SpawnFailure, ArgumentsThatAreTooLong) {
  const Error error = error_of({"true", std::string(1 << 20, 'x')});
  EXPECT_EQ(error.code, ErrorCode::kLimit);
  EXPECT_NE(error.message.find("where the host takes"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("standard input"), std::string::npos) << error.message;
  EXPECT_EQ(error_of({std::string(300, 'p')}).code, ErrorCode::kLimit);
}

TEST_F(SpawnFailure, RequestsThatMakeNoSense) {
  EXPECT_EQ(error_of(std::vector<std::string>{}).code, ErrorCode::kUsage);
  EXPECT_EQ(error_of({"echo", std::string("a\0b", 3)}).code, ErrorCode::kUsage);
  EXPECT_EQ(error_of({std::string("true\0", 5)}).code, ErrorCode::kUsage);
  auto request = request_for({"true"});
  request.environment = {std::string("A=\0", 3)};
  EXPECT_EQ(error_of(request).code, ErrorCode::kUsage);
}

TEST_F(SpawnFailure, WorkingDirectoryThatCannotBeEntered) {
  auto request = request_for({"true"});
  const UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  request.working_directory = file.get();
  const Error error = spawn(request).error();
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.message, "the working directory for 'true' cannot be entered: Not a directory");
  request.working_directory = 99'999;
  EXPECT_EQ(spawn(request).error().code, ErrorCode::kFileTrouble);
}

TEST_F(SpawnFailure, WorkingDirectoryWithoutPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a directory that somebody else may not enter";
  const std::string outcome = test::as_nobody([this] {
    const UniqueFd closed(::open(directory.path().c_str(), O_PATH | O_CLOEXEC));
    auto request = request_for({"true"});
    request.working_directory = closed.get();
    return std::string(error_name(error_of(request).code));
  });
  EXPECT_EQ(outcome, "no_permission");
}

TEST_F(SpawnFailure, AnotherUserWithoutPrivileges) {
  const std::string outcome = test::as_nobody([] {
    auto request = request_for({"true"});
    request.user = SpawnUser{0, 0};
    const Error error = error_of(request);
    return std::string(error_name(error.code)) + ": " + error.message;
  });
  EXPECT_EQ(outcome, "no_permission: 'true' cannot be run as another user: Operation not permitted");
}

TEST_F(SpawnFailure, UsersAreFoundByName) {
  const auto root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0U);
  EXPECT_FALSE(find_user("no such user"));
  EXPECT_FALSE(find_user(""));
}

TEST_F(SpawnFailure, LimitThatCannotBeSet) {
  auto request = request_for({"true"});
  request.descriptor_limit = rlimit{20, 10};  // the soft one over the hard one
  EXPECT_EQ(error_of(request).message, "the limit of open files for 'true' cannot be set: Invalid argument");
}

TEST_F(SpawnFailure, NoDescriptorsLeftIsBusy) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto used = static_cast<rlim_t>(test::open_descriptor_count());
  // From one too few to just enough: every call that makes a descriptor meets the limit once.
  for (rlim_t more = 0; more <= 10; ++more) {
    const rlimit tight{used + more, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    const auto child = spawn(request_for({"true"}));
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (!child) {
      EXPECT_EQ(child.error().code, ErrorCode::kBusy) << child.error().message;
    }
    EXPECT_TRUE(more > 0 || !child);
  }
}

TEST_F(SpawnFailure, TooManyProcessesIsBusy) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become a user that has no other processes";
  const std::string outcome = test::as_nobody([] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    const Error error = error_of({"true"});
    return std::string(error_name(error.code)) + ": " + error.message;
  });
  EXPECT_EQ(outcome, "busy: the host cannot start another process now");
}

TEST_F(SpawnFailure, MachineWithoutPidfdsThrowsAndLeavesNoProcess) {
  bool denied = false;
  bool threw = false;
  std::thread([&] {
    denied = test::deny_syscall(SYS_pidfd_open, ENOSYS);
    try {
      static_cast<void>(spawn(request_for({"sleep", "1000"})));
    } catch (const std::system_error& failure) {
      threw = failure.code().value() == ENOSYS;
    }
  }).join();
  if (!denied) GTEST_SKIP() << "seccomp filters are not permitted here";
  EXPECT_TRUE(threw);
}

}  // namespace
}  // namespace farhand
