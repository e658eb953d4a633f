// FrameGate: what passes in one direction of somebody else's connection, byte for byte as it came, and where its frames
// begin and end. It moves no bytes from or to any socket.
//
//   socket -> prepare()/commit() -> [ passed() : may be sent | not yet cut into frames ] -> sent() -> socket
//
// A slip passes once it is complete; its parcel passes as it comes. The gate stops before the client's first hello and
// before its bye, which are for whoever keeps the connection: held(). What breaks the protocol passes as well,
// and everything behind it: it is for the other side to say so. Then the connection serves nobody else: broken().
//
// Ownership: borrows the conversation, which both directions share. Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/byte_queue.h"
#include "protocol/conversation.h"
#include "protocol/frame.h"
#include "protocol/slip.h"

namespace farhand {

class FrameGate {
 public:
  FrameGate(Conversation& conversation, Side from) : conversation_(conversation), from_(from) {}

  // How many bytes may be put in now; 0 while there is enough to send, or a frame is held.
  [[nodiscard]] std::size_t room() const noexcept;
  [[nodiscard]] MutableBytes prepare();  // at most room()
  void commit(std::size_t bytes);

  [[nodiscard]] Bytes passed() const noexcept { return queue_.view().first(passed_); }
  void sent(std::size_t bytes) noexcept;

  // The frame before which it has stopped; its parcel is all here.
  [[nodiscard]] const FrameHeader* held() const noexcept { return held_ ? &held_->header : nullptr; }
  void swallow();  // takes the hello out, and goes on

  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] bool mid_frame() const noexcept { return parcel_left_ > 0; }

  // The word of the last ping that wants an answer; taken out.
  [[nodiscard]] std::optional<std::string> take_question() noexcept;

  void release_idle_memory() noexcept;

 private:
  void look();
  bool look_once();
  bool hold(const ParsedSlip& slip, std::size_t here);
  void pass(const ParsedSlip& slip);

  Conversation& conversation_;
  Side from_;
  ByteQueue queue_;
  std::size_t passed_ = 0;         // of the queue
  std::uint64_t parcel_left_ = 0;  // of the frame that passes
  std::optional<ParsedSlip> held_;
  std::optional<std::string> question_;
  bool broken_ = false;
  std::size_t read_size_ = 0;  // of the next read; grows while reads come back full
  std::size_t prepared_ = 0;
};

}  // namespace farhand
