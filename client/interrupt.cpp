// Interrupt over signalfd(2).
#include "client/interrupt.h"

#include <sys/signalfd.h>

#include "common/result.h"

namespace farhand {

Interrupt::Interrupt() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    if (present.sa_handler != SIG_IGN) sigaddset(&taken, number);
  }
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &taken, &before_); error != 0) {
    throw_errno("pthread_sigmask", error);
  }
  fd_.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw_errno("signalfd");
}

int Interrupt::take() noexcept {
  signalfd_siginfo taken{};
  return ::read(fd_.get(), &taken, sizeof taken) > 0 ? static_cast<int>(taken.ssi_signo) : 0;
}

Interrupt::~Interrupt() {
  while (take() != 0) {  // else they would strike when they are let through
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace farhand
