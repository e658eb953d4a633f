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
#include "common/raw_syscall.h"

namespace farhand {
namespace {

// More than a host has, mostly; whoever does not fit is found when others have gone.
constexpr std::size_t kMostProcesses = 1 << 16;
// Between two looks for somebody to kill: the ends of grandchildren are told to their parents and not to us.
constexpr int kLookMilliseconds = 50;
// Ends that are collected before anything else has its turn.
constexpr int kMostAtOnce = 64;

// Where there is no limit: the kernel's own, of old.
constexpr rlim_t kMostDescriptors = 1 << 20;

void close_all_but(int kept) noexcept {
  const auto number = static_cast<unsigned>(kept);
  if (raw_syscall(SYS_close_range, 0u, number - 1, 0) == 0) {
    raw_syscall(SYS_close_range, number + 1, ~0u, 0);
    return;
  }
  rlimit limit{};  // a kernel before 5.9
  raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit);
  const auto end = static_cast<int>(limit.rlim_cur < kMostDescriptors ? limit.rlim_cur : kMostDescriptors);
  for (int fd = 0; fd < end; ++fd) {
    if (fd != kept) raw_syscall(SYS_close, fd);
  }
}

// What the kernel takes for a set of signals.
constexpr std::uint64_t kChildSignals = std::uint64_t{1} << (SIGCHLD - 1);

int open_child_signals() noexcept {
  return static_cast<int>(
      raw_syscall(SYS_signalfd4, -1, &kChildSignals, sizeof kChildSignals, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Through a pidfd, so that a number that was given away since the table was read gets nothing.
void signal_exactly(const ProcessEntry& entry, pid_t guardian, int number) noexcept {
  const long held = raw_syscall(SYS_pidfd_open, entry.pid, 0);
  if (held < 0) return;
  const pid_t parent = read_process(entry.pid).parent;
  if (parent == entry.parent || parent == guardian) raw_syscall(SYS_pidfd_send_signal, held, number, nullptr, 0);
  raw_syscall(SYS_close, held);
}

// poll, in the words of ppoll; milliseconds -1: for ever.
void wait_for_news(std::span<pollfd> watched, int milliseconds) noexcept {
  timespec limit{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  raw_syscall(SYS_ppoll, watched.data(), watched.size(), milliseconds < 0 ? nullptr : &limit, nullptr, 0);
}

class Guardian {
 public:
  Guardian(pid_t command, bool on_terminal, int link) noexcept
      : command_(command), on_terminal_(on_terminal), link_(link), signals_(open_child_signals()) {}

  void run() noexcept {
    for (;;) {
      collect();
      const bool ending = stage_ != Stage::kWatch;
      if (gone_ || (ending && hanging_up_ && count_doomed() == 0)) return tell({GuardReport::What::kAllGone});
      if (stage_ == Stage::kKill) signal_doomed(SIGKILL);
      if (due_.passed() && !next_stage()) return;
      std::array<pollfd, 2> watched{pollfd{link_, POLLIN, 0}, pollfd{signals_, POLLIN, 0}};
      wait_for_news(watched, patience());
      if (watched[1].revents != 0) drain_signals();
      if (watched[0].revents != 0 && !obey()) return;
    }
  }

 private:
  enum class Stage { kWatch, kHangUp, kTerminate, kKill };

  void tell(const GuardReport& report) const noexcept {
    if (link_ >= 0) raw_syscall(SYS_write, link_, &report, sizeof report);  // three fit; SIGPIPE is blocked
  }

  // Milliseconds until the next look, if there is no news.
  [[nodiscard]] int patience() const noexcept {
    if (more_) return 0;
    const bool looks = stage_ == Stage::kKill || hanging_up_ || signals_ < 0;
    return looks ? kLookMilliseconds : due_.poll_timeout();
  }

  void drain_signals() const noexcept {
    std::array<signalfd_siginfo, 8> taken;
    while (raw_syscall(SYS_read, signals_, taken.data(), sizeof taken) > 0) {
    }
  }

  // Everybody who has ended: the command, and those that were left to us.
  void collect() noexcept {
    more_ = true;
    for (int turn = 0; turn < kMostAtOnce && !gone_; ++turn) {
      siginfo_t info{};
      rusage usage{};
      const long waited = raw_syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG, &usage);
      if (waited == -EINTR) continue;
      if (waited == 0 && info.si_pid == 0) {
        more_ = false;
        return;
      }
      if (waited == 0 && info.si_pid == command_ && !command_ended_) {
        command_ended_ = true;
        tell({GuardReport::What::kEnded, command_, 0, 0, info.si_code, info.si_status, usage});
      }
      if (waited != 0) gone_ = true;
    }
  }

  // False: we are done.
  bool obey() noexcept {
    GuardOrder order;
    const long got = raw_syscall(SYS_read, link_, &order, sizeof order);
    if (got == -EAGAIN || got == -EINTR) return true;
    if (got != static_cast<long>(sizeof order)) {
      raw_syscall(SYS_close, link_);
      link_ = -1;
      if (stage_ == Stage::kKill) enter(Stage::kKill);  // for a last while
      order = {on_terminal_ ? GuardOrder::What::kHangUp : GuardOrder::What::kEnd, 0};
    }
    switch (order.what) {
      case GuardOrder::What::kSignalGroup:
        if (!command_ended_) raw_syscall(SYS_kill, -command_, order.signal);  // not collected, so the number is its own
        break;
      case GuardOrder::What::kSignalAll:
        signal_all(order.signal);
        break;
      case GuardOrder::What::kHangUp:
        if (stage_ != Stage::kWatch) break;
        hanging_up_ = true;
        foreground_ = order.signal;
        next_stage();
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
        signal_doomed(SIGHUP);
        signal_doomed(SIGCONT);  // a stopped process takes no other signal until it goes on
        enter(Stage::kHangUp);
        return true;
      case Stage::kHangUp:
        signal_doomed(SIGTERM);
        enter(Stage::kTerminate);
        return true;
      case Stage::kTerminate:
        enter(Stage::kKill);
        return true;
      case Stage::kKill:
        break;
    }
    // Whoever still listens decides what is to be done with those whom KILL does not end.
    if (link_ >= 0) due_ = Deadline::never();
    return link_ >= 0;
  }

  void signal_all(int number) noexcept {
    signal_whom(number, [](const ProcessEntry&) { return true; });
  }

  // Those who are to go.
  std::size_t signal_doomed(int number) noexcept {
    return signal_whom(number, [this](const ProcessEntry& entry) {
      return !hanging_up_ || entry.group == command_ || (foreground_ > 0 && entry.group == foreground_);
    });
  }
  std::size_t count_doomed() noexcept { return signal_doomed(0); }

  // How many there are; signal 0 only counts.
  template <typename Choice>
  std::size_t signal_whom(int number, Choice choice) noexcept {
    map_table();
    const auto self = static_cast<pid_t>(raw_syscall(SYS_getpid));
    const std::span<ProcessEntry> present = table_.first(read_process_table(table_));
    mark_descendants(present, self);
    std::size_t count = 0;
    for (const ProcessEntry& entry : present) {
      if (!entry.descendant || entry.ended || !choice(entry)) continue;
      ++count;
      if (number != 0) signal_exactly(entry, self, number);
      // A group at once, so that nobody gets away by forking between two of us.
      if (number == SIGKILL && entry.group > 1) raw_syscall(SYS_kill, -entry.group, number);
    }
    if (present.empty() && !command_ended_) {  // without /proc: what can be done
      ++count;
      if (number != 0) raw_syscall(SYS_kill, -command_, number);
    }
    unmap_table();
    return count;
  }

  // Only while somebody has to be found: whoever shares his memory leaves nothing behind in it.
  void map_table() noexcept {
    const long room = raw_syscall(SYS_mmap, nullptr, kMostProcesses * sizeof(ProcessEntry), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room > 0) table_ = {reinterpret_cast<ProcessEntry*>(room), kMostProcesses};
  }
  void unmap_table() noexcept {
    if (!table_.empty()) raw_syscall(SYS_munmap, table_.data(), table_.size_bytes());
    table_ = {};
  }

  const pid_t command_;
  const bool on_terminal_;
  int link_;
  const int signals_;
  std::span<ProcessEntry> table_;
  Stage stage_ = Stage::kWatch;
  Deadline due_ = Deadline::never();
  bool command_ended_ = false;
  bool gone_ = false;
  bool more_ = false;  // may have ended and not been collected
  bool hanging_up_ = false;
  pid_t foreground_ = 0;  // then: the process group that had the terminal
};

std::uint64_t own_memory() noexcept {
  rusage usage{};
  raw_syscall(SYS_getrusage, RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

// errno is still ours to change. prctl is the kernel's own: AddressSanitizer's takes a lock, which another thread may
// have held when we were forked.
GuardReport start_command(ExecPlan plan) noexcept {
  raw_syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  raw_syscall(SYS_prctl, PR_SET_NAME, "guardian", 0, 0, 0);
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, nullptr);  // were it ignored, nobody's end would be told
  ::setsid();                              // what is sent to our parent's group is not meant for us
  plan.dies_with = ::getpid();
  // Whoever stops us must not keep us from seeing that our parent has gone.
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
  GuardReport report;
  report.what = GuardReport::What::kStarted;
  report.pid = start_process(plan);
  report.error = errno;
  report.own_memory = own_memory();
  return report;
}

}  // namespace

void run_guardian(const ExecPlan& plan, int link) noexcept {
  const bool on_terminal = plan.terminal;  // the plan goes once it is known to have started
  const GuardReport report = start_command(plan);
  close_all_but(link);  // our copies of everybody's connections and pipes: else they would not end
  raw_syscall(SYS_write, link, &report, sizeof report);
  if (report.pid > 0) Guardian(report.pid, on_terminal, link).run();
  raw_syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

}  // namespace farhand
