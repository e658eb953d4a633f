// StopOnSignals over sigaction(2).
#include "server/socketserver/stop_on_signals.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <stdexcept>
#include <thread>
#include <utility>

#include "common/result.h"

namespace socketserver {
namespace {

// What the handler sees. A signal's handler gets no argument: nothing but a global reaches it, and there is one of them
// in a process, as there is one disposition a signal.
std::atomic<const StopOnSignals::Servers*> servers_to_stop = nullptr;
std::atomic<int> handlers_running = 0;
std::atomic<pid_t> owner = 0;
std::atomic<std::int64_t> first_asked_ms = 0;  // when a signal came; 0: none has
constexpr std::int64_t kSameSignalMs = 500;
static_assert(std::atomic<const StopOnSignals::Servers*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

// In a child, which has inherited the handler, and when the signal has come before. It is blocked until the handler
// returns, and then acts.
void act_as_by_default(int signal) noexcept {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

std::int64_t now_ms() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + 1;  // never 0
}

// Whether this is not the first signal: a request that waits for its client must not keep Ctrl-C from ending the
// program. But who sends one to a process and to its group, as timeout(1) does, has asked once.
bool asked_in_earnest() noexcept {
  std::int64_t before = 0;
  return !first_asked_ms.compare_exchange_strong(before, now_ms()) && now_ms() - before > kSameSignalMs;
}

void on_signal(int signal) {
  const int error = errno;
  if (::getpid() != owner || asked_in_earnest()) {
    act_as_by_default(signal);
  } else {
    ++handlers_running;
    if (const auto* servers = servers_to_stop.load()) {
      for (BaseServer& server : *servers) server.request_shutdown();
    }
    --handlers_running;
  }
  errno = error;
}

}  // namespace

StopOnSignals::StopOnSignals(BaseServer& server, std::initializer_list<int> signals)
    : StopOnSignals(Servers{server}, signals) {}

StopOnSignals::StopOnSignals(Servers servers, std::initializer_list<int> signals) : servers_(std::move(servers)) {
  const StopOnSignals::Servers* nobody = nullptr;
  if (!servers_to_stop.compare_exchange_strong(nobody, &servers_)) {
    throw std::logic_error("StopOnSignals: another one lives");
  }
  owner = ::getpid();
  first_asked_ms = 0;
  formers_.reserve(signals.size());
  try {
    for (const int signal : signals) take_over(signal);
  } catch (...) {
    give_back();
    throw;
  }
}

StopOnSignals::~StopOnSignals() {
  give_back();
}

void StopOnSignals::take_over(int signal) {
  Former former{signal, {}};
  if (::sigaction(signal, nullptr, &former.action) != 0) farhand::throw_errno("sigaction");
  if ((former.action.sa_flags & SA_SIGINFO) == 0 && former.action.sa_handler == SIG_IGN) return;
  struct sigaction ours {};
  ours.sa_handler = &on_signal;
  ours.sa_flags = SA_RESTART;  // the loop is woken by its descriptor; what handlers wait for need not be cut short
  ::sigemptyset(&ours.sa_mask);
  if (::sigaction(signal, &ours, nullptr) != 0) farhand::throw_errno("sigaction");
  formers_.push_back(former);
}

void StopOnSignals::give_back() noexcept {
  for (const Former& each : formers_) ::sigaction(each.signal, &each.action, nullptr);
  servers_to_stop = nullptr;
  // A handler on another thread may still be looking at the servers; it takes no longer than a few writes.
  while (handlers_running != 0) std::this_thread::yield();
}

}  // namespace socketserver
