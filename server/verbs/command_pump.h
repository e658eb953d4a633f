// CommandPump: moves the three streams of a running command between its pipes and the wire, as they come, with
// back-pressure both ways and nothing collected.
//
//   stdin frames  --> [child's stdin pipe ]     a full pipe: frames stay in the channel, and the client is held back
//   stdout frames <-- [child's stdout pipe]     a full outbox: the pipe is not read, and the command is held back
//   stderr frames <-- [child's stderr pipe]
//
// The main process's exit ends the pump, although a background child may still hold the pipes: what was in them at that
// moment is everything that was written before, and exactly that much is still read.
//
// Ownership: borrows channel and child. Threads: one.
// Errors:    those of the channel: the client is gone or broke the protocol; the command then still runs.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/spawn.h"
#include "protocol/channel.h"

namespace farhand {

class CommandPump {
 public:
  CommandPump(Channel& channel, Child& child);

  Result<void> run();  // until the command has ended and all of its output has been said

  [[nodiscard]] std::string shown_traffic() const;  // for the log: " in 5 out 120 err 0"

 private:
  struct Output {
    UniqueFd& pipe;
    FrameKind kind;
    std::uint64_t said_bytes = 0;
    std::optional<std::uint64_t> left;  // once the command has ended: what is still to be read
  };

  Result<void> take_input();
  void write_input(const Incoming& piece);
  void read_output(Output& output);
  void note_exit();
  [[nodiscard]] bool finished() const;
  Result<void> wait_for_change();

  Channel& channel_;
  Child& child_;
  std::array<Output, 2> outputs_;
  bool exited_ = false;
  bool input_ended_ = false;    // the client has said stdin|0|
  bool input_blocked_ = false;  // the child's pipe is full
  std::uint64_t input_bytes_ = 0;
};

}  // namespace farhand
