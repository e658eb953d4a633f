// Bytes let through, frame by frame.
#include "client/sharing/frame_gate.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "protocol/limits.h"

namespace farhand {

std::size_t FrameGate::room() const noexcept {
  if (held_) return 0;
  return kInboxBytes - std::min(kInboxBytes, queue_.size());
}

MutableBytes FrameGate::prepare() {
  read_size_ = std::max(read_size_, kIdleBufferBytes);
  prepared_ = std::min(read_size_, room());
  return queue_.prepare(prepared_);
}

void FrameGate::commit(std::size_t bytes) {
  queue_.commit(bytes);
  if (bytes == prepared_) read_size_ = std::min(read_size_ * 8, kInboxBytes);
  look();
}

void FrameGate::sent(std::size_t bytes) noexcept {
  FARHAND_ASSERT(bytes <= passed_);
  queue_.consume(bytes);
  passed_ -= bytes;
}

void FrameGate::look() {
  while (!held_ && look_once()) {
  }
}

// False: more bytes are needed.
bool FrameGate::look_once() {
  const std::size_t here = queue_.size() - passed_;
  if (here == 0) return false;
  if (broken_) {
    passed_ = queue_.size();
  } else if (parcel_left_ > 0) {
    const std::size_t some = static_cast<std::size_t>(std::min<std::uint64_t>(parcel_left_, here));
    passed_ += some;
    parcel_left_ -= some;
  } else {
    const auto slip = parse_slip(queue_.view().subspan(passed_));
    if (slip && !*slip) return false;
    if (!slip) {
      broken_ = true;
    } else if (!hold(**slip, here)) {
      pass(**slip);
    } else {
      return held_.has_value();
    }
  }
  return true;
}

// Whether it is a frame to stop before; it is held once all of it is here.
bool FrameGate::hold(const ParsedSlip& slip, std::size_t here) {
  if (from_ == Side::kServer) return false;
  const FrameKind kind = slip.header.kind;
  const bool stops = kind == FrameKind::kBye || kind == FrameKind::kHello;
  if (!stops || slip.header.size > kMaxHelloStructure) return false;
  if (here >= slip.bytes + slip.header.size) held_ = slip;
  return true;
}

void FrameGate::pass(const ParsedSlip& slip) {
  if (!conversation_.admit(from_, slip.header)) {
    broken_ = true;
    return;
  }
  if (slip.header.kind == FrameKind::kPing && !slip.header.name.empty()) question_ = slip.header.name;
  passed_ += slip.bytes;
  parcel_left_ = slip.header.size;
}

void FrameGate::swallow() {
  FARHAND_ASSERT(held_ && passed_ == 0);
  queue_.consume(held_->bytes + static_cast<std::size_t>(held_->header.size));
  held_.reset();
  look();
}

std::optional<std::string> FrameGate::take_question() noexcept {
  return std::exchange(question_, std::nullopt);
}

void FrameGate::release_idle_memory() noexcept {
  queue_.release(kIdleBufferBytes);
  if (queue_.empty()) read_size_ = kIdleBufferBytes;
}

}  // namespace farhand
