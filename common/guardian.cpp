// The guardian's side: a loop over the link, its children's ends, and the clock.
#include "common/guardian.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "common/deadline.h"
#include "common/process_table.h"

namespace farhand {
namespace {

// More than a host has, mostly; whoever does not fit is found when others have gone.
constexpr std::size_t kMostProcesses = 1 << 16;
// Between two looks for somebody to kill: the ends of grandchildren are told to their parents and not to us.
constexpr int kLookMilliseconds = 50;

void close_all_but(int kept) noexcept {
  const auto number = static_cast<unsigned>(kept);
  if (::syscall(SYS_close_range, 0u, number - 1, 0) == 0) {
    ::syscall(SYS_close_range, number + 1, ~0u, 0);
    return;
  }
  rlimit limit{};  // a kernel before 5.9
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = 0; fd < static_cast<int>(limit.rlim_cur); ++fd) {
    if (fd != kept) ::close(fd);
  }
}

int open_child_signals() noexcept {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Through a pidfd, so that a number that was given away since the table was read gets nothing.
void signal_exactly(const ProcessEntry& entry, pid_t guardian, int number) noexcept {
  const auto held = static_cast<int>(::syscall(SYS_pidfd_open, entry.pid, 0));
  if (held < 0) return;
  const pid_t parent = read_process(entry.pid).parent;
  if (parent == entry.parent || parent == guardian) ::syscall(SYS_pidfd_send_signal, held, number, nullptr, 0);
  ::close(held);
}

class Guardian {
 public:
  Guardian(pid_t command, int link) noexcept : command_(command), link_(link), signals_(open_child_signals()) {}

  void run() noexcept {
    for (;;) {
      collect();
      if (gone_ && (stage_ != Stage::kWatch || link_ < 0)) return;
      if (stage_ == Stage::kKill) signal_all(SIGKILL);
      if (due_.passed() && !next_stage()) return;
      std::array<pollfd, 2> watched{pollfd{link_, POLLIN, 0}, pollfd{signals_, POLLIN, 0}};
      ::poll(watched.data(), watched.size(), stage_ == Stage::kKill ? kLookMilliseconds : due_.poll_timeout());
      if (watched[1].revents != 0) drain_signals();
      if (watched[0].revents != 0 && !obey()) return;
    }
  }

 private:
  enum class Stage { kWatch, kHangUp, kTerminate, kKill };

  void tell(const GuardReport& report) const noexcept {
    if (link_ >= 0) ::send(link_, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void drain_signals() const noexcept {
    std::array<signalfd_siginfo, 8> taken;
    while (::read(signals_, taken.data(), sizeof taken) > 0) {
    }
  }

  // Everybody who has ended: the command, and those that were left to us.
  void collect() noexcept {
    while (!gone_) {
      siginfo_t info{};
      rusage usage{};
      const long waited = ::syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG, &usage);
      if (waited != 0 && errno == EINTR) continue;
      if (waited == 0 && info.si_pid == 0) return;
      if (waited == 0 && info.si_pid == command_) {
        command_ended_ = true;
        tell({GuardReport::What::kEnded, command_, 0, 0, info.si_code, info.si_status, usage});
      }
      if (waited != 0) {
        gone_ = true;
        tell({GuardReport::What::kAllGone});
      }
    }
  }

  // False: we are done.
  bool obey() noexcept {
    GuardOrder order;
    const ssize_t got = ::recv(link_, &order, sizeof order, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got != static_cast<ssize_t>(sizeof order)) {
      ::close(link_);
      link_ = -1;
      order = {GuardOrder::What::kEnd, 0};
    }
    switch (order.what) {
      case GuardOrder::What::kSignalGroup:
        if (!command_ended_) ::kill(-command_, order.signal);  // not collected, so the number is its own
        break;
      case GuardOrder::What::kSignalAll:
        signal_all(order.signal);
        break;
      case GuardOrder::What::kEnd:
        if (stage_ == Stage::kWatch) next_stage();
        break;
      case GuardOrder::What::kKill:
        if (stage_ != Stage::kKill) enter(Stage::kKill);
        break;
      case GuardOrder::What::kRelease:
        return false;
    }
    return true;
  }

  void enter(Stage stage) noexcept {
    stage_ = stage;
    due_ = Deadline::after(kGuardGrace);
  }

  // False: there is none.
  bool next_stage() noexcept {
    switch (stage_) {
      case Stage::kWatch:
        signal_all(SIGHUP);
        signal_all(SIGCONT);  // a stopped process takes no other signal until it goes on
        enter(Stage::kHangUp);
        return true;
      case Stage::kHangUp:
        signal_all(SIGTERM);
        enter(Stage::kTerminate);
        return true;
      case Stage::kTerminate:
        enter(Stage::kKill);
        return true;
      case Stage::kKill:
        tell({GuardReport::What::kGivenUp});
        break;
    }
    return false;
  }

  void signal_all(int number) noexcept {
    if (table_.empty()) map_table();
    const pid_t self = ::getpid();
    const std::span<ProcessEntry> present = table_.first(read_process_table(table_));
    mark_descendants(present, self);
    for (const ProcessEntry& entry : present) {
      if (entry.descendant && !entry.ended) signal_exactly(entry, self, number);
    }
    if (present.empty() && !command_ended_) ::kill(-command_, number);  // without /proc: what can be done
  }

  void map_table() noexcept {
    void* const room = ::mmap(nullptr, kMostProcesses * sizeof(ProcessEntry), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room != MAP_FAILED) table_ = {static_cast<ProcessEntry*>(room), kMostProcesses};
  }

  const pid_t command_;
  int link_;
  const int signals_;
  std::span<ProcessEntry> table_;
  Stage stage_ = Stage::kWatch;
  Deadline due_ = Deadline::never();
  bool command_ended_ = false;
  bool gone_ = false;
};

std::uint64_t own_memory() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

void run_guardian(ExecPlan plan, int link) noexcept {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_NAME, "guardian");
  ::signal(SIGCHLD, SIG_DFL);  // were it ignored, nobody's end would be told
  ::setsid();                  // what is sent to our parent's group is not meant for us
  plan.dies_with_parent = true;
  GuardReport report;
  report.what = GuardReport::What::kStarted;
  report.pid = start_process(plan);
  report.error = errno;
  report.own_memory = own_memory();
  close_all_but(link);  // our copies of everybody's connections and pipes: else they would not end
  ::send(link, &report, sizeof report, MSG_NOSIGNAL);
  if (report.pid > 0) Guardian(report.pid, link).run();
  ::_exit(0);
}

}  // namespace farhand
