// The matcher's instructions as frames.
#include "protocol/transfer/delta_sender.h"

#include <string>

#include "common/check.h"
#include "protocol/limits.h"

namespace farhand {

MutableBytes DeltaSender::buffer() {
  if (buffer_.empty()) buffer_.resize(kPieceBytes);
  return buffer_;
}

// The matcher's only errors are the sink's, and this one has none.
void DeltaSender::add(std::uint64_t offset, Bytes piece) {
  FARHAND_ASSERT(offset >= added_);
  if (offset > added_) {
    finish();
    said_ = offset;
  }
  added_ = offset + piece.size();
  FARHAND_ASSERT(matcher_.add(piece));
}

void DeltaSender::finish() {
  FARHAND_ASSERT(matcher_.finish());
}

bool DeltaSender::may_pass_to(std::uint64_t offset) {
  return offset == added_ || may_finish();
}

bool DeltaSender::may_finish() {
  waits_for_all_ = true;
  return !waits();
}

void DeltaSender::go_on() {
  FARHAND_ASSERT(matcher_.go_on());
}

Result<void> DeltaSender::literal(Bytes bytes) {
  parts_.say(said_, bytes);
  said_ += bytes.size();
  sent_bytes_ += bytes.size();
  observer_.moved(bytes.size());
  return {};
}

Result<void> DeltaSender::copy(std::uint64_t offset, std::uint64_t length) {
  channel_.say_bytes(FrameKind::kCopy, std::to_string(said_), bytes_of(encode(CopyRange{offset, length})));
  said_ += length;
  observer_.spared(length);
  return {};
}

}  // namespace farhand
