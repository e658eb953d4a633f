// CommandSignals over signalfd(2).
#include "client/signals.h"

#include <sys/signalfd.h>

#include <array>

#include "common/result.h"

namespace farhand {
namespace {

constexpr std::array kTaken{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT};

sigset_t set_of(int number) noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  return set;
}

}  // namespace

CommandSignals::CommandSignals(bool with_window_changes) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : kTaken) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    if (present.sa_handler != SIG_IGN) sigaddset(&taken, number);
  }
  if (with_window_changes) sigaddset(&taken, SIGWINCH);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &taken, &before_); error != 0) {
    throw_errno("pthread_sigmask", error);
  }
  fd_.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw_errno("signalfd");
}

int CommandSignals::take() noexcept {
  signalfd_siginfo taken{};
  return ::read(fd_.get(), &taken, sizeof taken) > 0 ? static_cast<int>(taken.ssi_signo) : 0;
}

void CommandSignals::stop_here() noexcept {
  const sigset_t stop = set_of(SIGTSTP);
  ::raise(SIGTSTP);  // blocked: it strikes in the next line
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  // The signal that made us go on: whoever stopped here knows that it does.
  const sigset_t go_on = set_of(SIGCONT);
  const timespec now{};
  ::sigtimedwait(&go_on, nullptr, &now);
}

void CommandSignals::let_through() const noexcept {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

CommandSignals::~CommandSignals() {
  while (take() != 0) {  // else they would strike when they are let through
  }
  let_through();
}

void ignore_blocked_signals() noexcept {
  sigset_t blocked;
  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
  for (const int number : kTaken) {
    if (::sigismember(&blocked, number) == 1) ::signal(number, SIG_IGN);
  }
}

StopsFreely::StopsFreely() {
  const sigset_t stop = set_of(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, &before_);
}

StopsFreely::~StopsFreely() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace farhand
