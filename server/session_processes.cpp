// The parent's side of the sessions' processes.
#include "server/session_processes.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/descendants.h"
#include "common/escape.h"
#include "common/log.h"
#include "server/audit_fields.h"
#include "server/process_host.h"

namespace farhand {
namespace {

// With whatever it has started: a command that has stopped the process that serves it must not outlive it.
void kill_child(int pidfd) noexcept {
  const auto descendants = descendants_of(pidfd);
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  for (const UniqueFd& descendant : descendants) {
    ::syscall(SYS_pidfd_send_signal, descendant.get(), SIGKILL, nullptr, 0);
  }
}

// By its own doing. Others are sent from outside: by an administrator, by the kernel that runs out of memory, or by a
// command, which may do to its own user's processes what it likes.
bool is_crash(int signal) noexcept {
  constexpr std::array kOwnDoing{SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP};
  return std::find(kOwnDoing.begin(), kOwnDoing.end(), signal) != kOwnDoing.end();
}

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

SessionProcesses::SessionProcesses(Service& service, const KeyStore* keys, ProcessPatience patience)
    : service_(service), keys_(keys), patience_(patience), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw_errno("epoll_create1");
}

SessionProcesses::~SessionProcesses() = default;

void SessionProcesses::watch(int fd, int number) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw_errno("epoll_ctl");
}

void SessionProcesses::unwatch(int fd) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // said: forked children have a copy of the descriptor
}

void SessionProcesses::begin(int child, const socketserver::Address& client, ControlOfChild control,
                             std::unique_ptr<Visit> visit) {
  const int heard = control.fd();
  children_.try_emplace(child, Child{client.to_string(), std::move(control), std::move(visit), nullptr, nullptr,
                                     Deadline::after(patience_.before_login)});
  try {
    watch(heard, child);
  } catch (const std::exception&) {  // nobody would hear it
    kill_child(child);
    children_.at(child).killed = true;
    throw;
  }
}

void SessionProcesses::hear() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const int number = events.at(static_cast<std::size_t>(i)).data.fd;
    const auto found = children_.find(number);
    if (found == children_.end()) continue;
    try {
      hear_one(number, found->second);
    } catch (const std::exception& failure) {
      log::error(std::string("a session's process could not be heard and is killed: ") + failure.what());
      found->second.killed = true;
      kill_child(number);
    }
  }
}

void SessionProcesses::hear_one(int number, Child& child) {
  if (child.place && child.place->end().rung()) tell_end(child);
  // One at a time: whoever talks without end has no more of us than anybody else.
  if (const auto report = child.control.hear()) heed(number, child, *report);
  if (child.control.ended()) unwatch(child.control.fd());
  if (!child.control.broken()) return;
  log::error("the process that serves " + escape_for_display(child.source) + " is broken and is killed");
  unwatch(child.control.fd());
  child.visit->leaves(Departure::kCrash);
  child.broken = true;
  kill_child(number);
}

void SessionProcesses::heed(int number, Child& child, const ControlOfChild::Report& report) {
  using What = ControlOfChild::Report::What;
  switch (report.what) {
    case What::kEnters:
      return child.control.answer(admit(number, child, report.key));
    case What::kLoggedIn:
      if (!child.ending) child.kill_at = Deadline::never();
      return child.visit->logged_in();
    case What::kAsks:
      if (child.rights) child.control.answer(service_.sessions.take_request(*child.rights, Deadline::Clock::now()));
      return;
    case What::kLeaves:
      return child.visit->leaves(report.leaves);
    case What::kWrites:
      return write_down(child, report);
  }
}

void SessionProcesses::write_down(Child& child, const ControlOfChild::Report& report) {
  if (are_audit_fields(report.fields, child.source)) {
    return service_.audit.write_for(report.process, report.user, report.fields);
  }
  child.control.set_broken();
}

// Out of descriptors or memory, the child has to come again later: we go on.
Result<void> SessionProcesses::admit(int number, Child& child, const KeyNumber& key) {
  try {
    return take_place(number, child, key);
  } catch (const std::exception& failure) {
    child.place.reset();
    child.rights.reset();
    log::error(std::string("a session was refused: ") + failure.what());
    return fail(ErrorCode::kBusy, "the server could not do this now; try again later");
  }
}

Result<void> SessionProcesses::take_place(int number, Child& child, const KeyNumber& key) {
  child.rights = rights_of(key);
  if (!child.rights) return fail(ErrorCode::kRefused, "the rights of the key have changed");
  TRY_ASSIGN(child.place, service_.sessions.enter(child.rights, now()));
  watch(child.place->end().fd(), number);
  return {};
}

SharedRights SessionProcesses::rights_of(const KeyNumber& key) {
  if (keys_ == nullptr) return nullptr;
  if (SharedKeyTable table = keys_->table(); table != numbered_) {
    numbers_.clear();
    for (const SharedRights& rights : table->keys()) numbers_[number_of(*rights)] = rights;
    numbered_ = std::move(table);
  }
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? nullptr : found->second;
}

void SessionProcesses::tell_end(Child& child) {
  unwatch(child.place->end().fd());
  child.control.end_now(child.place->end_reason());
  child.ending = true;
  child.kill_at = Deadline::earlier(child.kill_at, Deadline::after(patience_.to_end));
}

void SessionProcesses::kill_overdue() {
  for (auto& [number, child] : children_) {
    if (child.killed || !child.kill_at.passed()) continue;
    log::warning("the process that serves " + escape_for_display(child.source) + " does not come to its end in time" +
                 " and is killed");
    child.killed = true;
    kill_child(number);
  }
}

void SessionProcesses::end_all() {
  const Deadline when = Deadline::after(patience_.to_end);
  for (auto& [number, child] : children_) {
    child.ending = true;
    child.kill_at = Deadline::earlier(child.kill_at, when);
  }
}

Deadline SessionProcesses::next_kill() const {
  Deadline next = Deadline::never();
  for (const auto& [number, child] : children_) {
    if (!child.killed) next = Deadline::earlier(next, child.kill_at);
  }
  return next;
}

void SessionProcesses::ended(int number, int signal) {
  const auto node = children_.extract(number);
  if (node.empty()) return;
  Child& child = node.mapped();
  hear_last(number, child);
  unwatch(child.control.fd());
  if (child.place) unwatch(child.place->end().fd());
  if (signal == 0 && !child.killed) return;
  const bool crashed = child.broken || (is_crash(signal) && !child.killed);
  if (crashed) child.visit->leaves(Departure::kCrash);
  log::error("the process that served " + escape_for_display(child.source) + " was ended by signal " +
             std::to_string(signal));
  AuditLine line(crashed ? "crash" : "killed");
  line.text("source", child.source).number("signal", signal);
  if (child.rights) line.text("who", "key " + quoted(child.rights->name));
  service_.audit.write(line);
}

// What it has said last: its death may be seen before its words. Nothing can come behind them, since a process of its
// own making may still be there to speak.
void SessionProcesses::hear_last(int number, Child& child) {
  child.control.close_ears();
  while (const auto report = child.control.hear()) {
    if (report->what != ControlOfChild::Report::What::kEnters) heed(number, child, *report);
  }
}

void SessionProcesses::leave_to_parent() noexcept {
  for (auto& [number, child] : children_) {
    [[maybe_unused]] const Visit* const left = child.visit.release();  // its end is the parent's to tell
  }
  children_.clear();
  epoll_.reset();
  for (ForkingSessions* server : servers_) server->forget_for_child();
}

}  // namespace farhand
