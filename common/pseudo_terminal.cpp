// Opening a pseudo-terminal.
#include "common/pseudo_terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace farhand {
namespace {

// Running out of descriptors or of terminals (kernel.pty.max) is to be expected on a busy host.
Result<UniqueFd> new_end(int fd, const char* call) {
  if (fd >= 0) return UniqueFd(fd);
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOSPC) {
    return fail(ErrorCode::kBusy, "the host has no terminal to spare now");
  }
  throw_errno(call);
}

}  // namespace

Result<PseudoTerminal> PseudoTerminal::open() {
  PseudoTerminal terminal;
  TRY_ASSIGN(terminal.master, new_end(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), "posix_openpt"));
  if (::grantpt(terminal.master.get()) != 0) throw_errno("grantpt");
  if (::unlockpt(terminal.master.get()) != 0) throw_errno("unlockpt");
  // Not by its name: that may stand for another where /dev/pts is not the one of /dev/ptmx.
  TRY_ASSIGN(terminal.slave,
             new_end(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "TIOCGPTPEER"));
  return terminal;
}

}  // namespace farhand
