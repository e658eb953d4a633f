// Child: a running program's signals, its end, and what became of it.
#include "common/spawn_status.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/check.h"
#include "common/spawn.h"

namespace farhand {
namespace {

std::chrono::microseconds duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// The kernel keeps the count of pages a little behind, on each processor: what is this near to ours may be ours.
constexpr std::uint64_t kMemorySlack = 1 << 20;

// waitid on the pidfd; si_pid stays 0 if WNOHANG was asked and the child runs. The call itself: the C library's leaves
// the usage out.
bool wait_for(int pidfd, int options, siginfo_t& info, rusage* usage = nullptr) {
  for (;;) {
    info = siginfo_t{};
    if (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | options, usage) == 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace

ExitStatus status_from(int code, int status) noexcept {
  ExitStatus told;
  told.signalled = code != CLD_EXITED;
  told.core = code == CLD_DUMPED;
  (told.signalled ? told.signal : told.code) = status;
  return told;
}

ProcessUsage usage_from(const rusage& usage, std::uint64_t own_memory) noexcept {
  const auto memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return {duration_of(usage.ru_utime), duration_of(usage.ru_stime), memory > own_memory + kMemorySlack ? memory : 0};
}

Child::Child(Child&& other) noexcept
    : input(std::move(other.input)),
      output(std::move(other.output)),
      errors(std::move(other.errors)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      started_(other.started_),
      own_memory_(other.own_memory_),
      reaped_(std::exchange(other.reaped_, false)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  const Child replaced(std::move(*this));  // ends with this function, and its process with it
  input = std::move(other.input);
  output = std::move(other.output);
  errors = std::move(other.errors);
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  started_ = other.started_;
  own_memory_ = other.own_memory_;
  reaped_ = std::exchange(other.reaped_, false);
  return *this;
}

Child::~Child() {
  if (pid_ < 0 || reaped_) return;
  signal_group(SIGKILL);
  siginfo_t info;
  wait_for(pidfd_.get(), 0, info);
}

void Child::signal_group(int signal_number) const noexcept {
  // After reap() the number may belong to a stranger. ESRCH and EPERM (a child that changed its user) are no news.
  if (pid_ > 0 && !reaped_) ::kill(-pid_, signal_number);
}

ExitStatus Child::reap() {
  FARHAND_ASSERT(pid_ > 0 && !reaped_);
  siginfo_t info;
  rusage usage{};
  if (!wait_for(pidfd_.get(), 0, info, &usage)) throw_errno("waitid");
  reaped_ = true;
  ExitStatus status = status_from(info.si_code, info.si_status);
  status.usage = usage_from(usage, own_memory_);
  return status;
}

std::optional<ExitStatus> Child::peek() const {
  FARHAND_ASSERT(pid_ > 0 && !reaped_);
  siginfo_t info;
  if (!wait_for(pidfd_.get(), WNOHANG | WNOWAIT, info)) throw_errno("waitid");
  if (info.si_pid == 0) return std::nullopt;
  return status_from(info.si_code, info.si_status);
}

}  // namespace farhand
