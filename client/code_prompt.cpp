// A line of standard input, with a terminal's echo switched off meanwhile.
#include "client/code_prompt.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "client/interrupt.h"
#include "common/file_io.h"

namespace farhand {
namespace {

constexpr std::size_t kLongestLine = 4096;

// No echo and no Ctrl-Z (the shell would be left without echo) for as long as it lives.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    changed_ = ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
  bool changed_ = false;
};

Result<std::string> read_line(const Interrupt& interrupt) {
  std::string line;
  for (;;) {
    std::array<pollfd, 2> watched{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{interrupt.fd(), POLLIN, 0}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (watched[1].revents != 0) return fail(ErrorCode::kInterrupted, "interrupted; nothing was sent");
    if (watched[0].revents == 0) continue;
    std::byte byte{};
    const ssize_t got = read_some(STDIN_FILENO, MutableBytes(&byte, 1));
    if (got < 0) return fail(errno_error(errno, "standard input cannot be read"));
    if (got == 0 || byte == std::byte{'\n'}) return line;
    if (line.size() >= kLongestLine) return fail(ErrorCode::kUsage, "that is no pairing code: it is too long");
    line += static_cast<char>(byte);
  }
}

}  // namespace

Result<std::string> read_pairing_code() {
  const Interrupt interrupt;
  if (::isatty(STDIN_FILENO) != 1) {
    TRY_ASSIGN(std::string line, read_line(interrupt));
    if (!line.empty()) return line;
    return fail(ErrorCode::kUsage, "there is no pairing code, neither behind the host nor on standard input");
  }
  const SilentTerminal silent(STDIN_FILENO);
  std::fputs("pairing code (it is not shown): ", stderr);
  auto line = read_line(interrupt);
  std::fputs("\n", stderr);
  return line;
}

}  // namespace farhand
