// SignalRelay: the signals that reach us while a remote command runs are told to its process group, and control-Z to
// the server as well.
//
// A second INT ends us instead, if it comes within kSecondInterrupt of the first, or if nothing has been heard of the
// server since: each INT asks it for a sign of life.
//
// With a remote terminal, changes of the size of ours are told, the latest only. While ours is raw, keys are what the
// command hears, and INT, TERM, HUP and QUIT, which then come from elsewhere, are meant for us.
//
// Threads: one. Errors: kInterrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/connection.h"
#include "client/signals.h"
#include "client/terminal.h"
#include "common/deadline.h"

namespace farhand {

// Whoever presses Ctrl-C twice in a row wants out; whoever waits this long between them means the command again.
inline constexpr std::chrono::seconds kSecondInterrupt{2};

// What came for the command that concerns whoever runs one after the other as well.
struct HeardSignals {
  bool interrupt = false;  // INT
  bool end = false;        // TERM or HUP
};

class SignalRelay {
 public:
  // `terminal`: the size that a remote terminal has.
  SignalRelay(Connection& connection, std::optional<TerminalSize> terminal)
      : connection_(connection), signals_(terminal.has_value()), told_size_(terminal), resized_(terminal.has_value()) {}

  // Borrowed: left alone while we are stopped.
  void set_raw(RawTerminal* raw) noexcept { raw_ = raw; }

  [[nodiscard]] int fd() const noexcept { return signals_.fd(); }  // readable when one has come
  // Tells what has come, as far as there is room for it: to be called whenever there may be.
  Result<void> tell();
  // Stops this process, and returns when it goes on.
  void suspend();
  // Hears what has come and is not to be told any more.
  void note_rest() noexcept;
  // Whether this process has been stopped and gone on: a server that heard nothing meanwhile may have given it up.
  [[nodiscard]] bool was_stopped() noexcept;
  [[nodiscard]] HeardSignals heard() const noexcept { return heard_; }

 private:
  Result<void> take(int number);
  void note(int number) noexcept;
  [[nodiscard]] bool is_enough() const;
  void tell_size();

  Connection& connection_;
  CommandSignals signals_;
  RawTerminal* raw_ = nullptr;
  std::optional<TerminalSize> told_size_;
  bool resized_;              // perhaps
  std::uint32_t untold_ = 0;  // 1 << number
  bool was_stopped_ = false;
  HeardSignals heard_;
  struct Interrupted {
    Deadline::Clock::time_point when;
    std::uint64_t heard_bytes;  // by then
  };
  std::optional<Interrupted> interrupted_;
};

}  // namespace farhand
