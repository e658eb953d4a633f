// CommandInput: the standard input of a running command, between the wire and its pipe. It holds what the command does
// not read, so that what the client says behind it is heard, and tells the client how much has been taken.
//
//   stdin frames --> [child's pipe]                   while the command reads fast: straight from the channel's inbox
//               \--> [blocks of 256 KiB] --> [pipe]   while it does not: at most kStdinWindow, memory only as it is
//               held
//
// A pipe that is full is no sign of a slow command, and holding costs a copy: so a frame may stay in the inbox for a
// moment (kMoment), and as long as the pipe takes 100 MB/s, at which rate a whole window is through in 40 ms.
//
// Ownership: borrows the channel and the pipe, which it closes when the input has ended or nobody reads it.
// Threads:   one.
// Errors:    kLimit: the client has more under way than it may.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "common/deadline.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/channel.h"
#include "server/verbs/command_terminal.h"

namespace farhand {

class CommandInput {
 public:
  // With a terminal the pipe is its master; closing that says nothing, so that the end is written.
  CommandInput(Channel& channel, UniqueFd& pipe, const CommandTerminal* terminal = nullptr)
      : channel_(channel), pipe_(pipe), terminal_(terminal) {}

  // Takes a piece of a `stdin` frame off the channel. False: it, or some of it, is left there for now, until patience()
  // ends or blocked_on() has room.
  Result<bool> take(const Incoming& piece);

  // Nothing more will come: the pipe is closed behind what is held.
  void end();
  // Nobody reads it any more: what is held, and what still comes, is thrown away.
  void drop() noexcept;

  // Moves what is held into the pipe, as far as there is room.
  void write();
  // Says `taken` if that is due. What was thrown away counts.
  void acknowledge();

  [[nodiscard]] bool ended() const noexcept { return ended_; }
  // The pipe's descriptor if it is to be watched for room; else -1.
  [[nodiscard]] int blocked_on() const noexcept { return held_ > 0 || left_ || ended_ ? pipe_.get() : -1; }
  [[nodiscard]] Deadline patience() const noexcept;
  [[nodiscard]] std::uint64_t written_bytes() const noexcept { return written_; }

 private:
  static constexpr std::size_t kBlockBytes = 256 << 10;  // what the pipe takes at once
  struct Unmap {
    void operator()(std::byte* memory) const noexcept;
  };
  // Pages of their own: the allocator of a process with many threads would keep what is given back to it.
  static std::unique_ptr<std::byte[], Unmap> map_block();
  struct Block {
    std::unique_ptr<std::byte[], Unmap> memory = map_block();
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  Result<void> check_window(std::size_t count) const;
  std::size_t write_through(Bytes bytes);
  bool reads_fast();
  void enlarge_pipe() noexcept;
  void finish();
  void hold(Bytes bytes);

  Channel& channel_;
  UniqueFd& pipe_;
  const CommandTerminal* terminal_;
  std::deque<Block> blocks_;
  std::size_t held_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t said_ = 0;  // the last `taken`
  bool ended_ = false;
  bool mid_line_ = false;  // of a terminal
  bool enlarged_ = false;  // the pipe has been asked to be
  bool left_ = false;      // something is in the inbox for which the pipe had no room
  bool fast_ = true;       // as far as is known
  Deadline::Clock::time_point measured_ = Deadline::Clock::now();
  std::uint64_t written_then_ = 0;
};

}  // namespace farhand
