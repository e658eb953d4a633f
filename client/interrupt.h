// Interrupt: turns INT, TERM and HUP into a readable descriptor for as long as it lives, so that what is under way can
// be put in order before the client ends.
//
// Threads: the main thread, and only while there is no other.
#pragma once

#include <signal.h>

#include "common/unique_fd.h"

namespace farhand {

class Interrupt {
 public:
  Interrupt();   // signals that were ignored stay ignored
  ~Interrupt();  // takes what has come, and puts the signals back as they were
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable when one has come

  // The number of the signal that came first and has not been taken; 0 if none has come.
  int take() noexcept;

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

}  // namespace farhand
