// Conversation: where both sides stand, and whether a frame may come now. Pure; the same object serves both ends.
//
// It applies the table in frame.h, frame by frame, in the order in which each side says them. A client may ask ahead,
// so the answers that are due form a queue.
#pragma once

#include <deque>

#include "common/result.h"
#include "protocol/frame.h"

namespace farhand {

class Conversation {
 public:
  // Judges the frame that `from` says next, and moves that side on. kProtocol says why not; nothing has moved then.
  Result<void> admit(Side from, const FrameHeader& header);

  // Whether admit would say yes as far as the state goes.
  [[nodiscard]] bool permits(Side from, FrameKind kind) const noexcept;

  [[nodiscard]] State state(Side side) const noexcept;

  // Answers that the server owes, the one under way included.
  [[nodiscard]] std::size_t due() const noexcept { return due_.size(); }

 private:
  void advance(const FrameRule& rule, const FrameHeader& header);
  void advance_client(const FrameRule& rule, const FrameHeader& header);
  void advance_server(const FrameRule& rule, const FrameHeader& header);

  State client_ = State::kGreeting;
  State server_ = State::kGreeting;  // kIdle while an answer has not begun: due_ tells which
  std::deque<State> due_;
};

// The checks that need no state: parcel, size, name. kProtocol, or kLimit for a size over the kind's limit.
Result<void> check_header(const FrameRule& rule, const FrameHeader& header);

}  // namespace farhand
