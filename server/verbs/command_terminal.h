// CommandTerminal: the terminal of a running command, as its server sees it.
//
//   client's stdin frames --> [master | line discipline | slave] --> the program's three streams
//   stdout frames         <-- [                                ] <--
//
// The slave stays open here until the main process has ended: else a program that closes its streams for a moment would
// look like the end of everything (the master says EIO then).
//
// Ownership: both ends; lend() gives copies of the master to a command, whose input and output they are. The terminal
// is
//            hung up when all of them are closed: hang_up() closes this one.
// Threads:   one.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/guarded_child.h"
#include "common/pseudo_terminal.h"
#include "common/result.h"
#include "protocol/messages/command.h"

namespace farhand {

// What a terminal may still hold of a program's output when that has ended: the kernel's two buffers for it, 8 and 4
// KiB, and as much again for what it adds to them.
inline constexpr std::uint64_t kMostInTerminal = 64 << 10;

class CommandTerminal {
 public:
  // With the size and the settings of the client's. kBusy: the host has none to spare.
  static Result<CommandTerminal> open(const Terminal& wanted);

  [[nodiscard]] int slave() const noexcept { return terminal_.slave.get(); }
  [[nodiscard]] std::string name() const;  // the slave's file; empty: the host does not say
  void lend(GuardedChild& child) const;
  void hang_up() noexcept { terminal_ = {}; }

  // The kernel tells the group that has the terminal, if it is news.
  void resize(const TerminalSize& size) const noexcept;

  // The process group that has the terminal, if it is another than the main process's and of its session; else 0.
  [[nodiscard]] pid_t foreground(const GuardedChild& child) const noexcept;

  // What has to be written for a program that reads lines to see the end of its input; `mid_line`: a line has begun.
  // Nothing for one that reads keys: no byte means the end to it.
  [[nodiscard]] std::string end_of_input(bool mid_line) const;

 private:
  PseudoTerminal terminal_;
};

}  // namespace farhand
