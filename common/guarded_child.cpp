// GuardedChild: our side of the link to a guardian.
#include "common/guarded_child.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/descendants.h"
#include "common/guardian.h"
#include "common/raw_syscall.h"
#include "common/sanitizers.h"
#include "common/spawn_plan.h"
#include "common/spawn_status.h"

namespace farhand {
namespace {

// A guardian that has nothing left to do ends at once.
constexpr std::chrono::milliseconds kPatience{2000};
// For one that has more orders than it has read yet.
constexpr std::chrono::milliseconds kOrderPatience{1000};

void signal_process(const UniqueFd& process, int number) noexcept {
  ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

// By `deadline`.
bool has_ended(const UniqueFd& process, Deadline deadline) noexcept {
  pollfd watched{process.get(), POLLIN, 0};
  while (::poll(&watched, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  return watched.revents != 0;
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

// A guardian has our memory, which is copied nowhere: forking takes ten times as long. It is forked where system calls
// cannot be made without the C library, and under the sanitizers, whose state of the thread is not ours to share.
constexpr bool kSharesMemory = kRawSyscalls && !kSanitized;

struct GuardianStart {
  ExecPlan plan;
  int link;
};

int begin_guardian(void* start) {
  const auto* given = static_cast<const GuardianStart*>(start);
  run_guardian(given->plan, given->link);
}

// `start` must be there, and this thread's errno untouched, until the guardian says that it has started. Its pidfd; the
// kernel's own, so that there is no guardian without one. kBusy where there is no room.
Result<UniqueFd> start_guardian(GuardianStart& start, std::byte* stack_end) {
  int held = -1;
  if (kSharesMemory) {
    const pid_t pid = ::clone(begin_guardian, stack_end, CLONE_VM | CLONE_PIDFD | SIGCHLD, &start, &held);
    if (pid < 0 && errno != EAGAIN) return new_descriptor(-1, "clone");
    if (pid < 0) return fail(no_room_for_processes());
    return UniqueFd(held);
  }
  const pid_t pid = ::fork();
  if (pid == 0) begin_guardian(&start);
  if (pid < 0 && errno != EAGAIN) return new_descriptor(-1, "fork");
  if (pid < 0) return fail(no_room_for_processes());
  auto pidfd = open_pidfd(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return pidfd;
}

}  // namespace

Result<GuardedChild> spawn_guarded(const SpawnRequest& request) {
  FARHAND_ASSERT(!request.user);  // that takes a fork, and a guardian must not make one in our memory
  TRY_ASSIGN(SpawnPlan plan, SpawnPlan::make(request));
  TRY_ASSIGN(Link link, make_link());
  GuardedChild child;
  if (!child.stack_.map()) return fail(no_room_for_processes());
  child.started_ = Deadline::Clock::now();
  const SignalsBlocked blocked;
  GuardianStart start{plan.exec_plan(), link.guardians.get()};
  TRY_ASSIGN(child.guardian_, start_guardian(start, child.stack_.end()));
  link.guardians.reset();
  child.link_ = std::move(link.ours);
  const auto begun = child.take_start();
  auto failure = plan.failure();  // waits for exec, before which the child has the guardian's stack
  if (!begun) return fail(begun.error());
  if (failure) return fail(*std::move(failure));
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
  stack_ = std::move(other.stack_);
  return *this;
}

GuardedChild::~GuardedChild() {
  if (!guardian_) return;
  kill();
  collect_guardian(kGuardGrace + kPatience);
}

bool GuardianStack::map() {
  constexpr std::size_t kGuard = 64 << 10;  // of any size of pages
  void* const room =
      ::mmap(nullptr, kGuard + kGuardianStack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (room == MAP_FAILED) return false;
  memory_ = static_cast<std::byte*>(room);
  size_ = kGuard + kGuardianStack;
  return ::mprotect(memory_ + kGuard, kGuardianStack, PROT_READ | PROT_WRITE) == 0;
}

GuardianStack::~GuardianStack() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

// ---------------------------------------------------------------------------------------------------------------------
// What the guardian says

namespace {

// A guardian that has ended without reading all of its orders is told of first (ECONNRESET, once), and what it has said
// comes after that.
ssize_t receive(const UniqueFd& link, GuardReport& report, int flags) noexcept {
  for (;;) {
    const ssize_t got = ::recv(link.get(), &report, sizeof report, flags);
    if (got >= 0 || (errno != EINTR && errno != ECONNRESET)) return got;
  }
}

}  // namespace

Result<void> GuardedChild::take_start() {
  GuardReport report;
  if (receive(link_, report, 0) != static_cast<ssize_t>(sizeof report)) {
    return fail(ErrorCode::kInternal, "the command's guardian was killed while it started it; it may have begun");
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
    const ssize_t got = receive(link_, report, MSG_DONTWAIT);
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
  if (report.what == GuardReport::What::kEnded && !ended_) {
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
  const auto send = [&] {
    return ::send(link_.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  };
  const bool sent = send();
  const bool full = !sent && errno == EAGAIN;
  signal_process(guardian_, SIGCONT);  // its user may have stopped it
  if (!full) return;
  pollfd watched{link_.get(), POLLOUT, 0};
  ::poll(&watched, 1, static_cast<int>(kOrderPatience.count()));
  send();
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

void GuardedChild::hang_up(pid_t foreground) const noexcept {
  order({GuardOrder::What::kHangUp, foreground});
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
  // One that does not act keeps nobody: its death lets go as well.
  if (!has_ended(guardian_, Deadline::after(kPatience))) signal_process(guardian_, SIGKILL);
  collect_guardian(kPatience);
  return *ended_;
}

void GuardedChild::abandon() noexcept {
  force();
  collect_guardian(kPatience);
}

bool GuardedChild::force() noexcept {
  const std::vector<UniqueFd> killed = descendants_of(guardian_.get());
  for (const UniqueFd& process : killed) signal_process(process, SIGKILL);
  signal_process(guardian_, SIGKILL);
  const Deadline deadline = Deadline::after(kPatience);
  return has_ended(guardian_, deadline) && std::all_of(killed.begin(), killed.end(), [&](const UniqueFd& process) {
           return has_ended(process, deadline);
         });
}

void GuardedChild::collect_guardian(Deadline::Clock::duration patience) noexcept {
  if (!has_ended(guardian_, Deadline::after(patience))) force();  // somebody may have stopped it
  link_.reset();
  siginfo_t info{};
  while (::syscall(SYS_waitid, P_PIDFD, guardian_.get(), &info, WEXITED, nullptr) != 0 && errno == EINTR) {
  }
  guardian_.reset();
}

}  // namespace farhand
