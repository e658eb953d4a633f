// ChildProcesses over fork(2), pidfd_open(2), epoll(7) and waitid(2).
#include "server/socketserver/child_processes.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "common/deadline.h"
#include "common/result.h"

namespace socketserver {
namespace {

// The directory has one link for each thread, besides its own two.
bool has_other_threads() noexcept {
  if (__libc_single_threaded != 0) return false;  // which is only ever too careful
  struct stat tasks {};
  return ::stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink > 3;
}

void collect_pid(pid_t pid) noexcept {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// How the parent lets the child begin, or end by letting go of it.
class Starter {
 public:
  Starter() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) farhand::throw_errno("pipe2");
    reading_.reset(ends[0]);
    writing_.reset(ends[1]);
  }
  // In the parent, whose own reading end keeps SIGPIPE away should the child be gone.
  void go() const {
    const char any = 0;
    if (::write(writing_.get(), &any, 1) != 1) farhand::throw_errno("write");
  }
  void stop() noexcept { writing_.reset(); }
  // In the child. False: the parent thought better of it, or is gone.
  bool wait() noexcept {
    writing_.reset();
    char any = 0;
    ssize_t got = -1;
    do {
      got = ::read(reading_.get(), &any, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1;
  }

 private:
  farhand::UniqueFd reading_;
  farhand::UniqueFd writing_;
};

farhand::UniqueFd open_pidfd(pid_t pid) {
  farhand::UniqueFd opened(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!opened) farhand::throw_errno("pidfd_open");
  return opened;
}

}  // namespace

ChildProcesses::ChildProcesses() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) farhand::throw_errno("epoll_create1");
}

void ChildProcesses::require_one_thread() {
  // A thread that was joined this instant is counted for a moment longer: it leaves the system after it says that it
  // has ended. Nothing tells when.
  const auto until = farhand::Deadline::after(std::chrono::milliseconds(10));
  while (has_other_threads()) {
    if (until.passed()) throw std::logic_error("a forking server in a process with other threads");
    ::sched_yield();
  }
}

ChildProcesses::Side ChildProcesses::start(const Address& client) {
  Starter starter;
  const pid_t pid = ::fork();
  if (pid < 0) farhand::throw_errno("fork");
  if (pid == 0) {
    if (!starter.wait()) ::_exit(1);
    return Side::kChild;
  }
  try {
    remember(open_pidfd(pid), client);
    starter.go();
  } catch (...) {
    starter.stop();
    collect_pid(pid);
    throw;
  }
  return Side::kParent;
}

void ChildProcesses::remember(farhand::UniqueFd pidfd, const Address& client) {
  const int key = pidfd.get();
  children_.try_emplace(key, Child{std::move(pidfd), client});
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = key;
  last_started_ = key;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, key, &event) == 0) return;
  const int error = errno;
  children_.erase(key);
  farhand::throw_errno("epoll_ctl", error);
}

std::vector<ChildProcesses::Ended> ChildProcesses::collect() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  std::vector<Ended> ended;
  for (int i = 0; i < count; ++i) collect_one(events.at(static_cast<std::size_t>(i)).data.fd, WNOHANG, ended);
  return ended;
}

std::vector<ChildProcesses::Ended> ChildProcesses::collect_all() {
  std::vector<Ended> ended;
  while (!children_.empty() && collect_one(children_.begin()->first, 0, ended)) {
  }
  return ended;
}

bool ChildProcesses::collect_one(int pidfd, int wait_flags, std::vector<Ended>& ended) {
  siginfo_t info{};
  int result = 0;
  do {
    info = siginfo_t{};
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | wait_flags);
  } while (result != 0 && errno == EINTR);
  // ECHILD: the kernel has collected it (SIGCHLD is ignored), or a wait for any child elsewhere in the program.
  if (result == 0 && info.si_pid == 0) return false;
  const bool killed = result == 0 && info.si_code != CLD_EXITED;
  // Said, and not left to the closing: children that were forked meanwhile may still hold a copy of the descriptor.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
  const auto node = children_.extract(pidfd);
  if (!node.empty()) ended.push_back(Ended{pidfd, node.mapped().client, killed ? info.si_status : 0});
  return true;
}

void ChildProcesses::forget() noexcept {
  children_.clear();
  epoll_.reset();
}

}  // namespace socketserver
