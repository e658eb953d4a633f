// TerminalRescue: puts a terminal's settings back if this process crashes (SEGV, BUS, ILL, FPE, ABRT, SYS), and then
// lets it crash. One at a time. A `kill -9` leaves nobody to do it.
//
// Threads: the main thread, and only while there is no other. Errors: none; a signal that somebody else handles (a
//          sanitizer, say) stays his.
#pragma once

#include <termios.h>

namespace farhand {

class TerminalRescue {
 public:
  TerminalRescue(int fd, const termios& settings) noexcept;
  ~TerminalRescue();
  TerminalRescue(const TerminalRescue&) = delete;
  TerminalRescue& operator=(const TerminalRescue&) = delete;
};

}  // namespace farhand
