// CommandPump: moves the streams of a running command between its pipes and the wire, as they come, with
// back-pressure both ways; hands on the client's signals; and ends the command when its time is over.
//
//   stdin frames  --> CommandInput --> [child's stdin pipe ]   a full pipe: held, up to the client's window
//   signal        --> the child's process group, or the one that has the terminal
//   stdout frames <-- [child's stdout pipe]     a full outbox: the pipe is not read, and the command is held back
//   stderr frames <-- [child's stderr pipe]     (merged, or on a terminal: there is none)
//
// The main process's exit ends the pump, although a background child may still hold the pipes: what was in them at that
// moment is everything that was written before, and exactly that much is still read.
//
// The timeout runs from the command's start. Then everybody who has come of it gets HUP and TERM, and
// kGraceAfterTimeout later KILL; what is written is said until the main process's end.
//
// Ownership: borrows channel and child. Threads: one.
// Errors:    those of the channel: the client is gone or broke the protocol; the command then still runs.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/deadline.h"
#include "common/guarded_child.h"
#include "common/result.h"
#include "protocol/channel.h"
#include "server/verbs/command_input.h"

namespace farhand {

class CommandPump {
 public:
  // timeout 0: never. A terminal that there is has been lent to the child; borrowed.
  CommandPump(Channel& channel, GuardedChild& child, std::chrono::milliseconds timeout,
              const CommandTerminal* terminal = nullptr);

  // Until the command has ended and all of its output has been said, or it is stuck().
  Result<void> run();

  [[nodiscard]] bool timed_out() const noexcept { return pressure_ != Pressure::kNone; }
  // It was killed for its timeout and has not ended: somebody else's process, or one that the kernel holds.
  [[nodiscard]] bool stuck() const noexcept { return pressure_ == Pressure::kGivenUp; }
  // timed_out(): when whoever is left of it is to be killed.
  [[nodiscard]] Deadline grace() const noexcept { return pressure_ == Pressure::kAsked ? limit_ : Deadline::at({}); }

  [[nodiscard]] std::chrono::microseconds elapsed() const noexcept;  // until the main process's end
  [[nodiscard]] const std::vector<std::string>& signals() const noexcept { return signals_; }  // sent by the client
  [[nodiscard]] std::string shown_traffic() const;  // for the log: " in 5 out 120 err 0"

 private:
  struct Output {
    UniqueFd& pipe;
    FrameKind kind;
    std::uint64_t said_bytes = 0;
    std::optional<std::uint64_t> left;  // once the command has ended: what is still to be read
  };
  enum class Pressure { kNone, kAsked, kKilled, kGivenUp };  // by the timeout

  Result<void> hear();
  Result<bool> take(const Incoming& piece);
  Result<void> pass_on_signal(const Incoming& piece);
  Result<void> pass_on_size(const Incoming& piece);
  void read_output(Output& output);
  void note_exit();
  void press();
  [[nodiscard]] bool finished() const;
  Result<void> wait_for_change();

  Channel& channel_;
  GuardedChild& child_;
  const CommandTerminal* terminal_;
  CommandInput input_;
  std::array<Output, 2> outputs_;
  Deadline limit_;  // of the present pressure
  Pressure pressure_ = Pressure::kNone;
  std::optional<Deadline::Clock::time_point> exited_;
  std::vector<std::string> signals_;
};

}  // namespace farhand
