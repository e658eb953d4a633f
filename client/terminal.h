// The terminal that rclient runs on: what it is like, and having its keys as they are pressed.
#pragma once

#include <termios.h>

#include <optional>

#include "client/terminal_rescue.h"
#include "protocol/messages/command.h"

namespace farhand {

// Whether both ends of a conversation are a terminal, as `rclient shell` needs.
bool has_terminal() noexcept;

// The size of the terminal that we have as input, output or error stream; nothing known (zeros) without one.
TerminalSize own_terminal_size() noexcept;

// What a remote terminal is to be like: TERM, the size, and the settings of standard input if that is a terminal. A
// TERM that is not set, or no name of a terminal, is `dumb`, and that is said.
Terminal own_terminal();

// RawTerminal: a terminal in raw mode for as long as this lives: every key is a byte, and every byte is shown as it is.
//
// Ownership: borrows the descriptor. The settings are put back by the destructor, and when this process crashes.
// Signals
//            that would end it without either have to be held (CommandSignals) for at least as long.
// Threads:   one. Errors: none; a terminal that has gone has no settings to lose.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);  // raw from here on, unless the terminal is another's (see enter)
  ~RawTerminal() { restore(); }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // As the terminal was: for a stop. What was found then counts as how it is to be in the end.
  void restore() noexcept;
  // Raw, also where somebody has changed it meanwhile (a shell, while we were stopped). Nothing happens in the
  // background: changing another's terminal would stop us (SIGTTOU); to be called again when the terminal is ours.
  void enter() noexcept;
  [[nodiscard]] bool is_raw() const noexcept { return before_.has_value(); }

 private:
  int fd_;
  std::optional<termios> before_;         // while it is raw
  std::optional<TerminalRescue> rescue_;  // the same
};

}  // namespace farhand
