// The child's side of spawn: async-signal-safe calls only, no allocation, no locks.
#include "common/spawn_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace farhand {
namespace {

[[noreturn]] void give_up(const ExecPlan& plan, ExecStage stage) noexcept {
  const ExecFailure failure{stage, errno};
  // Less than PIPE_BUF into an empty pipe: written whole or, if our parent is gone, to nobody.
  [[maybe_unused]] const auto written = ::write(plan.report, &failure, sizeof failure);
  ::_exit(127);
}

// Ignored signals stay ignored across exec, and so does the mask. Dispositions first: once the mask is empty, what was
// pending must not find one of our parent's handlers.
void reset_signals() noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);  // KILL and STOP refuse
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool arrange_streams(const ExecPlan& plan) noexcept {
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(plan.streams[fd], fd) < 0) return false;
  }
  return true;
}

// For kernels before 5.11 and sandboxes that do not know close_range. The limit is read before the child's own is set;
// a descriptor above a limit that was lowered later would be missed, but all of ours are close-on-exec anyway.
bool close_one_by_one() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const auto end = static_cast<int>(limit.rlim_cur < 0x7fffffff ? limit.rlim_cur : 0x7fffffff);
  for (int fd = 3; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // EBADF: not open
  return true;
}

bool close_others_on_exec() noexcept {
  if (::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0) return true;
  return close_one_by_one();
}

// As a shell searches: what is not there is passed over; what is there and may not be run is told if nothing else runs.
void execute(const ExecPlan& plan) noexcept {
  bool denied = false;
  errno = ENOENT;  // for no candidate at all
  for (const char* const* path = plan.candidates; *path != nullptr; ++path) {
    ::execve(*path, plan.argv, plan.environment);
    if (errno == EACCES) denied = true;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
  }
  if (denied) errno = EACCES;
}

// The calls themselves: the C library's would make every thread of our parent do the same.
bool become_user(const SpawnUser& user) noexcept {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

[[noreturn]] void become_program(const ExecPlan& plan) noexcept {
  reset_signals();
  if (::setsid() < 0) give_up(plan, ExecStage::kSession);
  if (!arrange_streams(plan)) give_up(plan, ExecStage::kStreams);
  if (plan.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) give_up(plan, ExecStage::kStreams);
  if (plan.working_directory >= 0 && ::fchdir(plan.working_directory) != 0) {
    give_up(plan, ExecStage::kWorkingDirectory);
  }
  if (!close_others_on_exec()) give_up(plan, ExecStage::kInheritance);
  if (plan.descriptor_limit != nullptr && ::setrlimit(RLIMIT_NOFILE, plan.descriptor_limit) != 0) {
    give_up(plan, ExecStage::kDescriptorLimit);
  }
  if (plan.user != nullptr && !become_user(*plan.user)) give_up(plan, ExecStage::kUser);
  if (plan.dies_with != 0) {                                   // here, since a change of user would undo it
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // prctl() itself takes a sanitizer's lock
    if (::getppid() != plan.dies_with) ::_exit(127);           // it has ended already
  }
  execute(plan);
  give_up(plan, ExecStage::kProgram);
}

}  // namespace

// Never inlined: the child must not share a frame with code that goes on in the parent.
[[gnu::noinline]] pid_t start_process(const ExecPlan& plan) noexcept {
  // A change of user takes from memory the right to be dumped, and vfork's is our parent's: hence a copy.
  const bool shares = plan.user == nullptr;
  const pid_t pid = shares ? ::vfork() : ::fork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): its purpose
  if (pid == 0) become_program(plan);
  return pid;
}

}  // namespace farhand
