// FrameReader: the inbox of a channel, cut into frames. It moves no bytes from any socket.
//
//   socket -> room()/commit() -> [ inbox ] -> peek()/consume() -> handler
//
// A structure is shown when it is complete; raw bytes are shown as they come, so a frame of 1 MiB needs no megabyte of
// memory. What is shown stays valid until the next call that is not const.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "common/byte_queue.h"
#include "common/result.h"
#include "protocol/conversation.h"
#include "protocol/frame.h"

namespace farhand {

// One frame, or the next piece of one that carries raw bytes.
struct Incoming {
  const FrameHeader& header;
  Bytes bytes;
  std::uint64_t offset;  // of `bytes` within the frame; 0: its first piece

  [[nodiscard]] FrameKind kind() const noexcept { return header.kind; }
  [[nodiscard]] bool first() const noexcept { return offset == 0; }
  [[nodiscard]] bool last() const noexcept { return offset + bytes.size() == header.size; }
};

class FrameReader {
 public:
  // `from` is the side whose frames are read; `conversation` is borrowed, and judges each slip as it is reached.
  FrameReader(Conversation& conversation, Side from) : conversation_(conversation), from_(from) {}

  // How many bytes may be put in now; 0 while the handler has to consume first.
  [[nodiscard]] std::size_t room() const noexcept;
  [[nodiscard]] MutableBytes prepare();     // room for a read, at most room(), sized by how busy the channel is
  void commit(std::size_t bytes) noexcept;  // so many were read into it

  // What stands first; nothing while it is incomplete. kProtocol or kLimit: the peer broke the rules.
  Result<std::optional<Incoming>> peek();

  // Takes `bytes` off what peek() showed. A frame ends when all its bytes are taken; for one of size 0 consume(0) ends
  // it.
  void consume(std::size_t bytes) noexcept;

  [[nodiscard]] bool mid_frame() const noexcept { return current_.has_value() || !inbox_.empty(); }
  void release_idle_memory() noexcept;

 private:
  Result<bool> begin_frame();

  Conversation& conversation_;
  Side from_;
  ByteQueue inbox_;
  std::optional<FrameHeader> current_;
  bool whole_ = false;          // the current frame is shown only when complete
  std::uint64_t consumed_ = 0;  // of the current frame
  std::size_t read_size_ = 0;   // of the next read; grows while reads come back full
  std::size_t prepared_ = 0;
};

}  // namespace farhand
