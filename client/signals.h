// CommandSignals: the signals that are meant for a remote command, as a readable descriptor for as long as it lives.
//
// They are HUP, INT, QUIT, TERM, USR1, USR2, TSTP and CONT, and WINCH for whoever asks for it; one that was ignored
// when we were started stays ignored.
//
// Threads: the main thread, and only while there is no other.
#pragma once

#include <signal.h>

#include "common/unique_fd.h"

namespace farhand {

class CommandSignals {
 public:
  explicit CommandSignals(bool with_window_changes = false);
  ~CommandSignals();  // forgets what has come, and puts the signals back as they were
  CommandSignals(const CommandSignals&) = delete;
  CommandSignals& operator=(const CommandSignals&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable when one has come

  // The number of one that has come; 0 if there is none. What has come twice may come out once.
  int take() noexcept;

  // Stops this process as control-Z does by itself; returns when it goes on. An orphan, whom nobody could continue, is
  // not stopped.
  void stop_here() noexcept;

  // For a child: signals strike again as before.
  void let_through() const noexcept;

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

// For the beginning of main: of the signals that are meant for a remote command, those that our parent has blocked are
// ignored from now on. Held as the others are, they would reach the command although nobody lets them through here:
// unison blocks SIGINT so that its own ssh outlives a Ctrl-C.
void ignore_blocked_signals() noexcept;

// While it lives Ctrl-Z stops this process as if nobody held the signal: for what has no command to tell of it.
class StopsFreely {
 public:
  StopsFreely();
  ~StopsFreely();
  StopsFreely(const StopsFreely&) = delete;
  StopsFreely& operator=(const StopsFreely&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace farhand
