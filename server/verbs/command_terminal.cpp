// A command's terminal: set up, resized, asked.
#include "server/verbs/command_terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "protocol/terminal_modes.h"

namespace farhand {
namespace {

UniqueFd copy_of(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) throw_errno("fcntl");
  return copy;
}

}  // namespace

Result<CommandTerminal> CommandTerminal::open(const Terminal& wanted) {
  CommandTerminal terminal;
  TRY_ASSIGN(terminal.terminal_, PseudoTerminal::open());
  termios settings{};
  if (::tcgetattr(terminal.slave(), &settings) != 0) throw_errno("tcgetattr");
  apply_modes(wanted.modes, settings);
  if (::tcsetattr(terminal.slave(), TCSANOW, &settings) != 0) throw_errno("tcsetattr");
  terminal.resize(wanted.size);
  return terminal;
}

void CommandTerminal::lend(GuardedChild& child) const {
  child.input = copy_of(terminal_.master);
  child.output = copy_of(terminal_.master);
}

std::string CommandTerminal::name() const {
  std::array<char, 64> name{};
  return ::ttyname_r(terminal_.slave.get(), name.data(), name.size()) == 0 ? std::string(name.data()) : std::string();
}

void CommandTerminal::resize(const TerminalSize& size) const noexcept {
  const winsize now{size.rows, size.columns, size.width, size.height};
  ::ioctl(terminal_.master.get(), TIOCSWINSZ, &now);
}

// A group that has gone may have left its number behind: only one of the child's session is meant.
pid_t CommandTerminal::foreground(const GuardedChild& child) const noexcept {
  const pid_t group = terminal_.master ? ::tcgetpgrp(terminal_.master.get()) : -1;
  if (group <= 1 || group == child.pid() || ::getsid(group) != child.pid()) return 0;
  return group;
}

std::string CommandTerminal::end_of_input(bool mid_line) const {
  termios settings{};
  if (!terminal_.master || ::tcgetattr(terminal_.master.get(), &settings) != 0) return {};
  const cc_t end = settings.c_cc[VEOF];
  if ((settings.c_lflag & ICANON) == 0 || end == 0) return {};
  // Within a line the first one hands over what there is of it, and only another is the end.
  return std::string(mid_line ? 2 : 1, static_cast<char>(end));
}

}  // namespace farhand
