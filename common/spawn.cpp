// spawn: starts a process for a plan, and holds it by its pidfd.
#include "common/spawn.h"

#include <pwd.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "common/spawn_plan.h"

namespace farhand {
namespace {

// The pidfd of the process just started. Without one there is no safe way to go on: the process is ended again.
Result<UniqueFd> open_pidfd(pid_t pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) return UniqueFd(fd);
  const int error = errno;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  errno = error;
  return new_descriptor(-1, "pidfd_open");
}

// Bytes that this process has had at most.
std::uint64_t own_memory() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

pid_t start(const ExecPlan& plan) {
  const SignalsBlocked blocked;
  return start_process(plan);
}

}  // namespace

std::optional<SpawnUser> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16 * 1024> room{};  // the longest entry of any sense
  if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return SpawnUser{entry.pw_uid, entry.pw_gid};
}

Result<Child> spawn(const SpawnRequest& request) {
  TRY_ASSIGN(SpawnPlan plan, SpawnPlan::make(request));
  const auto started = Deadline::Clock::now();
  const pid_t pid = start(plan.exec_plan());
  if (pid < 0 && (errno == EAGAIN || errno == ENOMEM)) return fail(no_room_for_processes());
  if (pid < 0) throw_errno("vfork");
  Child child;
  TRY_ASSIGN(child.pidfd_, open_pidfd(pid));
  child.pid_ = pid;
  child.started_ = started;
  child.own_memory_ = own_memory();
  child.input = std::move(plan.input());
  child.output = std::move(plan.output());
  child.errors = std::move(plan.errors());
  if (auto failure = plan.failure()) return fail(*std::move(failure));
  return child;
}

}  // namespace farhand
