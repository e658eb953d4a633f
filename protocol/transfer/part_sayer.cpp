// Parts, packed or plain, straight into the outbox.
#include "protocol/transfer/part_sayer.h"

#include <algorithm>
#include <string>

#include "protocol/limits.h"

namespace farhand {
namespace {

// A slip and a parcel's own few bytes are more than such a piece could save.
constexpr std::size_t kLeastPacked = 64;

}  // namespace

MutableBytes PartSayer::buffer() {
  if (buffer_.empty()) buffer_.resize(kMaxPackedContent);
  return MutableBytes(buffer_).first(std::min(buffer_.size(), piece_bytes()));
}

void PartSayer::say(std::uint64_t offset, Bytes content) {
  while (!content.empty()) {
    const bool as_packed = packs() && content.size() >= kLeastPacked;
    const Bytes piece = packs_ ? content.first(std::min(content.size(), piece_bytes())) : content;
    if (as_packed) {
      pack(offset, piece);
    } else {
      channel_.say_bytes(FrameKind::kPart, std::to_string(offset), piece);
      policy_.went_plain(piece.size());
    }
    offset += piece.size();
    content = content.subspan(piece.size());
  }
}

// What did not shrink is said all the same: the stream has it.
void PartSayer::pack(std::uint64_t offset, Bytes content) {
  const int level = policy_.level(Deadline::Clock::now(), channel_.held_up() + waited_);
  if (!packer_) packer_.emplace(level);
  packer_->set_level(level);
  const MutableBytes into =
      channel_.begin_bytes(FrameKind::kPacked, std::to_string(offset), Packer::room_for(content.size()));
  const std::size_t wire = packer_->pack(content, into);
  channel_.end_bytes(wire);
  policy_.packed(content.size(), wire);
  saved_bytes_ += static_cast<std::int64_t>(content.size()) - static_cast<std::int64_t>(wire);
  observer_.packed(content.size(), wire);
}

}  // namespace farhand
