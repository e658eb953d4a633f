// A child by fork(2), pidfd_open(2) and waitpid(2).
#include "server/helper_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/result.h"
#include "common/sanitizers.h"
#include "server/socketserver/child_processes.h"

namespace farhand {

HelperProcess::~HelperProcess() {
  if (pid_ <= 0) return;
  kill();
  reap();
}

bool HelperProcess::fork() {
  if (!kThreadSanitizer) socketserver::ChildProcesses::require_one_thread();
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) return true;
  pid_ = pid;
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd_) return false;
  const int error = errno;
  ::kill(pid, SIGKILL);
  reap();
  throw_errno("pidfd_open", error);
}

HelperProcess::End HelperProcess::collect(Deadline deadline) noexcept {
  if (pid_ <= 0) return end_;
  pollfd entry{pidfd_.get(), POLLIN, 0};
  while (::poll(&entry, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  const bool overdue = entry.revents == 0;
  if (overdue) kill();
  reap();
  end_.overdue = overdue;
  if (overdue) end_.signal = 0;
  return end_;
}

void HelperProcess::kill() const noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

void HelperProcess::reap() noexcept {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  end_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

bool first_ends_first(const HelperProcess& first, const HelperProcess& second) {
  std::array<pollfd, 2> set{pollfd{first.fd(), POLLIN, 0}, pollfd{second.fd(), POLLIN, 0}};
  while (::poll(set.data(), set.size(), -1) < 0) {
    if (errno != EINTR) throw_errno("poll");
  }
  return set[0].revents != 0;
}

}  // namespace farhand
