// FrameWriter: the outbox of a channel, filled with frames. It moves no bytes to any socket.
//
//   handler -> say... -> [ outbox ] -> pending()/sent() -> socket
//
// Each frame that is said is checked against the conversation; saying one that may not come is our own bug and is
// asserted.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <string_view>

#include "common/byte_queue.h"
#include "protocol/conversation.h"
#include "protocol/frame.h"

namespace farhand {

class FrameWriter {
 public:
  FrameWriter(Conversation& conversation, Side self) : conversation_(conversation), self_(self) {}

  void say(FrameKind kind, std::string_view name = {});                // a slip without a parcel
  void say_structure(FrameKind kind, std::string_view structure);      // an encoded message
  void say_bytes(FrameKind kind, std::string_view name, Bytes bytes);  // copied

  // The same without a copy: room for up to `most` bytes, which the caller fills and then ends with how many there are
  // (at most as many), or leaves unended: then nothing was said. Nothing may be said in between.
  [[nodiscard]] MutableBytes begin_bytes(FrameKind kind, std::string_view name, std::size_t most);
  void end_bytes(std::size_t count);

  [[nodiscard]] Bytes pending() const noexcept { return outbox_.view(); }
  void sent(std::size_t bytes) noexcept { outbox_.consume(bytes); }
  void forget() noexcept { outbox_.consume(outbox_.size()); }  // the connection no longer takes anything
  void release_idle_memory() noexcept { outbox_.release(0); }

 private:
  void admit(FrameKind kind, std::uint64_t size, std::string_view name);

  Conversation& conversation_;
  Side self_;
  ByteQueue outbox_;

  // Of the frame that has been begun.
  FrameKind begun_kind_ = FrameKind::kData;
  std::string begun_name_;
  std::string begun_slip_;
  std::size_t begun_most_ = 0;
  MutableBytes begun_;
};

}  // namespace farhand
