// GuardedChild: our side of the link to a guardian.
#include "common/guarded_child.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "common/check.h"
#include "common/descendants.h"
#include "common/guardian.h"
#include "common/sanitizers.h"
#include "common/spawn_plan.h"
#include "common/spawn_status.h"

namespace farhand {
namespace {

// A guardian that has nothing left to do ends at once.
constexpr std::chrono::milliseconds kPatience{2000};

// A copy of this process, without what others have asked to be run beside a fork: the copy makes system calls only.
// ThreadSanitizer has to know of it.
pid_t fork_alone() noexcept {
  return kThreadSanitizer ? ::fork() : ::_Fork();
}

void signal_process(const UniqueFd& process, int number) noexcept {
  ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  return new_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
}

struct Link {
  UniqueFd ours;
  UniqueFd guardians;
};

Result<Link> make_link() {
  int ends[2] = {-1, -1};
  const bool made = ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
  TRY_ASSIGN(UniqueFd ours, new_descriptor(made ? ends[0] : -1, "socketpair"));
  TRY_ASSIGN(UniqueFd guardians, above_streams(UniqueFd(ends[1])));
  return Link{std::move(ours), std::move(guardians)};
}

pid_t start_guardian(const ExecPlan& plan, int link) noexcept {
  const SignalsBlocked blocked;
  const pid_t pid = fork_alone();
  if (pid == 0) run_guardian(plan, link);
  return pid;
}

}  // namespace

Result<GuardedChild> spawn_guarded(const SpawnRequest& request) {
  TRY_ASSIGN(SpawnPlan plan, SpawnPlan::make(request));
  TRY_ASSIGN(Link link, make_link());
  GuardedChild child;
  child.started_ = Deadline::Clock::now();
  const pid_t guardian = start_guardian(plan.exec_plan(), link.guardians.get());
  if (guardian < 0 && (errno == EAGAIN || errno == ENOMEM)) return fail(no_room_for_processes());
  if (guardian < 0) throw_errno("fork");
  link.guardians.reset();
  child.link_ = std::move(link.ours);
  auto held = open_pidfd(guardian);
  if (!held) {  // it ends everything by itself once the link has; only its own number has to be waited for
    child.link_.reset();
    while (::waitpid(guardian, nullptr, 0) < 0 && errno == EINTR) {
    }
    return fail(held.error());
  }
  child.guardian_ = *std::move(held);
  TRY(child.take_start());
  if (auto failure = plan.failure()) return fail(*std::move(failure));
  child.input = std::move(plan.input());
  child.output = std::move(plan.output());
  child.errors = std::move(plan.errors());
  return child;
}

GuardedChild& GuardedChild::operator=(GuardedChild&& other) noexcept {
  if (this == &other) return *this;
  const GuardedChild replaced(std::move(*this));  // ends with this function, and its processes with it
  input = std::move(other.input);
  output = std::move(other.output);
  errors = std::move(other.errors);
  pid_ = other.pid_;
  link_ = std::move(other.link_);
  guardian_ = std::move(other.guardian_);
  started_ = other.started_;
  own_memory_ = other.own_memory_;
  ended_ = other.ended_;
  all_gone_ = other.all_gone_;
  over_ = other.over_;
  return *this;
}

GuardedChild::~GuardedChild() {
  if (!guardian_) return;
  kill();
  collect_guardian(kGuardGrace + kPatience);
}

// ---------------------------------------------------------------------------------------------------------------------
// What the guardian says

Result<void> GuardedChild::take_start() {
  GuardReport report;
  ssize_t got = 0;
  do {
    got = ::recv(link_.get(), &report, sizeof report, 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof report)) {
    return fail(ErrorCode::kInternal, "the command's guardian ended before it began");
  }
  if (report.pid < 0) {
    if (report.error == EAGAIN || report.error == ENOMEM) return fail(no_room_for_processes());
    return fail(errno_error(report.error, "the command cannot be started"));
  }
  pid_ = report.pid;
  own_memory_ = report.own_memory;
  return {};
}

void GuardedChild::hear() {
  while (link_ && !over_) {
    GuardReport report;
    const ssize_t got = ::recv(link_.get(), &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got == static_cast<ssize_t>(sizeof report)) {
      take(report);
      continue;
    }
    // Somebody has killed it, and with it the command.
    if (!ended_) ended_ = status_from(CLD_KILLED, SIGKILL);
    all_gone_ = over_ = true;
  }
}

void GuardedChild::take(const GuardReport& report) {
  if (report.what == GuardReport::What::kEnded) {
    ended_ = status_from(report.code, report.status);
    ended_->usage = usage_from(report.usage, own_memory_);
  }
  all_gone_ = report.what == GuardReport::What::kAllGone;
  over_ = report.what != GuardReport::What::kEnded;
}

std::optional<ExitStatus> GuardedChild::ended() {
  hear();
  return ended_;
}

bool GuardedChild::all_gone() {
  hear();
  return all_gone_;
}

bool GuardedChild::wait_until_gone(Deadline deadline, const EventFd* hurry) {
  while (!all_gone() && !over_ && !deadline.passed()) {
    std::array<pollfd, 2> watched{pollfd{link_.get(), POLLIN, 0},
                                  pollfd{hurry != nullptr ? hurry->fd() : -1, POLLIN, 0}};
    ::poll(watched.data(), watched.size(), deadline.poll_timeout());
    if (watched[1].revents != 0) break;
  }
  return all_gone();
}

// ---------------------------------------------------------------------------------------------------------------------
// What it is told

void GuardedChild::order(const GuardOrder& order) const noexcept {
  if (!link_) return;
  ::send(link_.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT);
  signal_process(guardian_, SIGCONT);  // its user may have stopped it
}

void GuardedChild::signal_group(int signal_number) const noexcept {
  order({GuardOrder::What::kSignalGroup, signal_number});
}

void GuardedChild::signal_all(int signal_number) const noexcept {
  order({GuardOrder::What::kSignalAll, signal_number});
}

void GuardedChild::end() const noexcept {
  order({GuardOrder::What::kEnd});
}

void GuardedChild::kill() const noexcept {
  order({GuardOrder::What::kKill});
}

ExitStatus GuardedChild::reap() {
  FARHAND_ASSERT(static_cast<bool>(guardian_));
  while (!ended()) {
    pollfd watched{link_.get(), POLLIN, 0};
    ::poll(&watched, 1, -1);
  }
  order({GuardOrder::What::kRelease});
  collect_guardian(kPatience);
  return *ended_;
}

void GuardedChild::abandon() noexcept {
  link_.reset();
  guardian_.reset();
}

void GuardedChild::force() noexcept {
  for (const UniqueFd& process : descendants_of(guardian_.get())) signal_process(process, SIGKILL);
  signal_process(guardian_, SIGKILL);
}

void GuardedChild::collect_guardian(Deadline::Clock::duration patience) noexcept {
  pollfd watched{guardian_.get(), POLLIN, 0};
  const Deadline deadline = Deadline::after(patience);
  while (::poll(&watched, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  if (watched.revents == 0) force();
  link_.reset();
  siginfo_t info{};
  while (::syscall(SYS_waitid, P_PIDFD, guardian_.get(), &info, WEXITED, nullptr) != 0 && errno == EINTR) {
  }
  guardian_.reset();
}

}  // namespace farhand
