// The parent's side of the sessions' processes.
#include "server/session_processes.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "common/escape.h"
#include "common/log.h"
#include "server/process_host.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kTimeToEnd{5};

void kill_child(int pidfd) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
}

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

SessionProcesses::SessionProcesses(Service& service, const KeyStore* keys)
    : service_(service), keys_(keys), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
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
  children_.try_emplace(child, Child{client.to_string(), std::move(control), std::move(visit), nullptr, nullptr});
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
    if (const auto found = children_.find(number); found != children_.end()) hear_one(number, found->second);
  }
}

void SessionProcesses::hear_one(int number, Child& child) {
  if (child.place && child.place->end().rung()) tell_end(child);
  // One at a time: whoever talks without end has no more of us than anybody else.
  if (const auto report = child.control.hear()) return answer(number, child, *report);
  if (child.control.ended()) unwatch(child.control.fd());
  if (!child.control.broken()) return;
  log::error("the process that serves " + escape_for_display(child.source) + " is broken and is killed");
  unwatch(child.control.fd());
  child.visit->leaves(Departure::kCrash);
  kill_child(number);
}

void SessionProcesses::answer(int number, Child& child, const ControlOfChild::Report& report) {
  if (report.asks) {
    if (child.rights) child.control.answer(service_.sessions.take_request(*child.rights, Deadline::Clock::now()));
    return;
  }
  if (!report.logged_in) return child.visit->leaves(report.leaves);
  if (*report.logged_in == KeyNumber{}) return child.visit->logged_in();  // the own user, or a fixed key
  const auto admitted = admit(number, child, *report.logged_in);
  if (admitted) child.visit->logged_in();
  child.control.answer(admitted);
}

Result<void> SessionProcesses::admit(int number, Child& child, const KeyNumber& key) {
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
  child.kill_at = Deadline::earlier(child.kill_at, Deadline::after(kTimeToEnd));
}

void SessionProcesses::kill_overdue() {
  for (auto& [number, child] : children_) {
    if (child.killed || !child.kill_at.passed()) continue;
    log::warning("the process that serves " + escape_for_display(child.source) + " does not end and is killed");
    child.killed = true;
    kill_child(number);
  }
}

void SessionProcesses::end_all() {
  const Deadline when = Deadline::after(kTimeToEnd);
  for (auto& [number, child] : children_) child.kill_at = Deadline::earlier(child.kill_at, when);
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
  // What it has said last: its death may be seen before its words.
  while (const auto report = child.control.hear()) {
    if (!report->logged_in && !report->asks) child.visit->leaves(report->leaves);
  }
  unwatch(child.control.fd());
  if (child.place) unwatch(child.place->end().fd());
  if (signal == 0 || child.killed) return;
  child.visit->leaves(Departure::kCrash);
  log::error("the process that served " + escape_for_display(child.source) + " was ended by signal " +
             std::to_string(signal));
  AuditLine line("crash");
  line.text("source", child.source).number("signal", signal);
  if (child.rights) line.text("who", "key " + quoted(child.rights->name));
  service_.audit.write(line);
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
