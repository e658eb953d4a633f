// kill_at_syscall: SIGKILL at each system call of a piece of code in turn, as a crash or the power could end it.
#pragma once

#include <functional>

namespace farhand::test {

// Runs `body` in a forked child under ptrace(2) again and again; the k-th run is killed at the k-th entry into or
// return from a system call. After each death `check` looks at what is left, in this process; `prepare` goes before
// each run. The last run comes to its end by itself. The number of runs that were killed. Only for a process with one
// thread. Throws std::system_error where tracing is not permitted.
int kill_at_every_syscall(const std::function<void()>& prepare, const std::function<void()>& body,
                          const std::function<void()>& check);

}  // namespace farhand::test
