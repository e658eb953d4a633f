// The inbox, cut into frames.
#include "protocol/frame_reader.h"

#include <algorithm>

#include "common/check.h"
#include "protocol/limits.h"
#include "protocol/slip.h"

namespace farhand {

std::size_t FrameReader::room() const noexcept {
  // A stranger makes us hold no more than what it takes to say hello.
  const bool greeted = conversation_.state(from_) != State::kGreeting;
  std::size_t bound = greeted ? kInboxBytes : kMaxSlipBytes + kMaxHelloStructure;
  if (current_ && whole_) bound = std::max<std::size_t>(bound, current_->size);  // its limit was checked
  return bound > inbox_.size() ? bound - inbox_.size() : 0;
}

MutableBytes FrameReader::prepare() {
  read_size_ = std::max(read_size_, kIdleBufferBytes);
  prepared_ = std::min(read_size_, room());
  return inbox_.prepare(prepared_);
}

void FrameReader::commit(std::size_t bytes) noexcept {
  inbox_.commit(bytes);
  // 4 KiB, 32 KiB, 256 KiB: a bulk transfer reaches full reads after two, and a quiet channel never allocates them.
  if (bytes == prepared_) read_size_ = std::min(read_size_ * 8, kInboxBytes);
}

Result<bool> FrameReader::begin_frame() {
  if (inbox_.empty()) return false;
  TRY_ASSIGN(auto slip, parse_slip(inbox_.view()));
  if (!slip) return false;
  TRY(conversation_.admit(from_, slip->header));
  inbox_.consume(slip->bytes);
  whole_ = find_rule(from_, slip->header.kind)->parcel != Parcel::kBytes;
  current_ = std::move(slip->header);
  consumed_ = 0;
  return true;
}

Result<std::optional<Incoming>> FrameReader::peek() {
  if (!current_) {
    TRY_ASSIGN(const bool begun, begin_frame());
    if (!begun) return std::optional<Incoming>();
  }
  const std::uint64_t left = current_->size - consumed_;
  const std::size_t here = static_cast<std::size_t>(std::min<std::uint64_t>(left, inbox_.size()));
  if (whole_ ? here < left : here == 0 && left > 0) return std::optional<Incoming>();
  return std::optional(Incoming{*current_, inbox_.view().first(here), consumed_});
}

void FrameReader::consume(std::size_t bytes) noexcept {
  FARHAND_ASSERT(current_ && bytes <= current_->size - consumed_);
  inbox_.consume(bytes);
  consumed_ += bytes;
  if (consumed_ == current_->size) current_.reset();
}

void FrameReader::release_idle_memory() noexcept {
  inbox_.release(kIdleBufferBytes);
  if (inbox_.empty()) read_size_ = kIdleBufferBytes;
}

}  // namespace farhand
