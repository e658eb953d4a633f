// Child: a running program's signals, its end, and what became of it.
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "common/check.h"
#include "common/spawn.h"

namespace farhand {
namespace {

ExitStatus status_from(const siginfo_t& info) {
  ExitStatus status;
  status.signalled = info.si_code != CLD_EXITED;
  status.core = info.si_code == CLD_DUMPED;
  (status.signalled ? status.signal : status.code) = info.si_status;
  return status;
}

// waitid on the pidfd; si_pid stays 0 if WNOHANG was asked and the child runs.
bool wait_for(int pidfd, int options, siginfo_t& info) {
  for (;;) {
    info = siginfo_t{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | options) == 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace

Child::Child(Child&& other) noexcept
    : input(std::move(other.input)),
      output(std::move(other.output)),
      errors(std::move(other.errors)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      reaped_(std::exchange(other.reaped_, false)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  const Child replaced(std::move(*this));  // ends with this function, and its process with it
  input = std::move(other.input);
  output = std::move(other.output);
  errors = std::move(other.errors);
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
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
  if (!wait_for(pidfd_.get(), 0, info)) throw_errno("waitid");
  reaped_ = true;
  return status_from(info);
}

std::optional<ExitStatus> Child::peek() const {
  FARHAND_ASSERT(pid_ > 0 && !reaped_);
  siginfo_t info;
  if (!wait_for(pidfd_.get(), WNOHANG | WNOWAIT, info)) throw_errno("waitid");
  if (info.si_pid == 0) return std::nullopt;
  return status_from(info);
}

}  // namespace farhand
