// kill_at_syscall over fork and ptrace.
#include "tests/support/kill_at_syscall.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "common/result.h"

namespace farhand::test {
namespace {

constexpr int kNoTracing = 77;
constexpr int kMostStops = 10'000;  // far beyond any body that makes sense: a loop would go on for ever

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("waitpid");
  }
  return status;
}

[[noreturn]] void run_traced(const std::function<void()>& body) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(kNoTracing);
  ::raise(SIGSTOP);
  try {
    body();
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// False: the child came to its end before that many stops.
bool run_until(int stops, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) run_traced(body);
  int status = wait_for(pid);
  for (int i = 0; i < stops && WIFSTOPPED(status); ++i) {
    if (::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) != 0) throw_errno("ptrace");
    status = wait_for(pid);
  }
  if (WIFSTOPPED(status)) {
    ::kill(pid, SIGKILL);
    wait_for(pid);
    return true;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoTracing) throw_errno("ptrace", EPERM);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the child failed by itself");
  return false;
}

}  // namespace

int kill_at_every_syscall(const std::function<void()>& prepare, const std::function<void()>& body,
                          const std::function<void()>& check) {
  for (int stops = 1; stops < kMostStops; ++stops) {
    prepare();
    const bool killed = run_until(stops, body);
    check();
    if (!killed) return stops - 1;
  }
  throw std::runtime_error("the child does not come to its end");
}

}  // namespace farhand::test
