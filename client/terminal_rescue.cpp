// TerminalRescue by signal handlers, which make two system calls.
#include "client/terminal_rescue.h"

#include <signal.h>

#include <array>

namespace farhand {
namespace {

constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

// For the handler: written before it can run and after it can no more.
int rescued_fd = -1;
termios rescued_settings{};

// By then the signal has its own way again (SA_RESETHAND), and strikes when this returns.
void rescue(int number) {
  ::tcsetattr(rescued_fd, TCSANOW, &rescued_settings);
  ::raise(number);
}

// From one to the other, where it is the one now.
void exchange_handlers(void (*from)(int), void (*to)(int)) noexcept {
  for (const int number : kCrashes) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    if ((present.sa_flags & SA_SIGINFO) != 0 || present.sa_handler != from) continue;
    struct sigaction wanted {};
    wanted.sa_handler = to;
    wanted.sa_flags = to == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND);
    ::sigaction(number, &wanted, nullptr);
  }
}

}  // namespace

TerminalRescue::TerminalRescue(int fd, const termios& settings) noexcept {
  rescued_fd = fd;
  rescued_settings = settings;
  exchange_handlers(SIG_DFL, rescue);
}

TerminalRescue::~TerminalRescue() {
  exchange_handlers(rescue, SIG_DFL);
}

}  // namespace farhand
