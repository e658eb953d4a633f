// termios and TERM of this side.
#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "client/report.h"
#include "common/escape.h"
#include "protocol/terminal_modes.h"

namespace farhand {
namespace {

std::string own_terminal_type() {
  const char* type = std::getenv("TERM");
  if (type != nullptr && is_terminal_type(type)) return type;
  complain(type == nullptr || *type == '\0'
               ? "TERM is not set; the remote terminal is a dumb one"
               : "TERM is " + quoted(type) + ", which is no name of a terminal; the remote one is a dumb one");
  return "dumb";
}

bool is_ours(int fd) noexcept {
  const pid_t foreground = ::tcgetpgrp(fd);
  return foreground < 0 || foreground == ::getpgrp();
}

}  // namespace

bool has_terminal() noexcept {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

TerminalSize own_terminal_size() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return {size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel};
  }
  return {};
}

Terminal own_terminal() {
  Terminal terminal{own_terminal_type(), own_terminal_size(), {}};
  termios settings{};
  if (::tcgetattr(STDIN_FILENO, &settings) == 0) terminal.modes = modes_of(settings);
  return terminal;
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  enter();
}

// At once, and not when what was written has been read: whoever reads it may never do so.
void RawTerminal::restore() noexcept {
  if (before_) ::tcsetattr(fd_, TCSANOW, &*before_);
  before_.reset();
  rescue_.reset();
}

void RawTerminal::enter() noexcept {
  termios settings{};
  if (!is_ours(fd_) || ::tcgetattr(fd_, &settings) != 0) return;
  if (!before_) {
    before_ = settings;
    rescue_.emplace(fd_, settings);
  }
  settings = *before_;
  ::cfmakeraw(&settings);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  ::tcsetattr(fd_, TCSANOW, &settings);
}

}  // namespace farhand
