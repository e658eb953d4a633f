// PseudoTerminal: a terminal for a program to have, and the end from which it is served.
//
// Ownership: both ends. Closing the master hangs the terminal up: the kernel tells its session HUP.
// Errors:    kBusy: the host has none to spare. A machine without /dev/ptmx throws std::system_error.
#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

struct PseudoTerminal {
  UniqueFd master;  // non-blocking
  UniqueFd slave;

  // Neither end becomes anybody's controlling terminal by being opened. The slave belongs to whom we are.
  static Result<PseudoTerminal> open();
};

}  // namespace farhand
