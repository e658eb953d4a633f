// Pieces of signatures as frames.
#include "protocol/transfer/signature_sayer.h"

#include <string_view>
#include <utility>

#include "common/check.h"

namespace farhand {
namespace {

constexpr std::uint64_t kLargest = kSignatureOverhead + delta::kMaxBlocks * delta::kSumBytes;
static_assert(kLargest <= kMostSignatureBytes, "even the largest one can be said");

}  // namespace

std::uint64_t SignatureSayer::add(const delta::Shape& shape) {
  const std::uint64_t counted = kSignatureOverhead + shape.blocks() * delta::kSumBytes;
  outstanding_ += counted;
  waiting_.push_back({shape, {}, {}});
  return counted;
}

void SignatureSayer::grow(const std::vector<std::uint32_t>& weak, const std::vector<std::uint64_t>& strong) {
  if (weak.empty()) return;
  FARHAND_ASSERT(!waiting_.empty());
  delta::Signature& last = waiting_.back();
  last.weak.insert(last.weak.end(), weak.begin(), weak.end());
  last.strong.insert(last.strong.end(), strong.begin(), strong.end());
}

bool SignatureSayer::has_room() const noexcept {
  return outstanding_ <= kMostSignatureBytes - kLargest;
}

void SignatureSayer::begin() {
  FARHAND_ASSERT(!writer_ && !waiting_.empty());
  writer_.emplace(waiting_.front());
}

bool SignatureSayer::say(Channel& channel) {
  while (writer_ && channel.has_room()) {
    const auto piece = writer_->next();
    if (piece.empty()) return false;  // until more is known
    channel.say_bytes(FrameKind::kSignature, {}, piece);
    if (!writer_->done()) continue;
    writer_.reset();
    waiting_.pop_front();
  }
  return !writer_;
}

void SignatureSayer::forget() {
  writer_.reset();
  waiting_.clear();
}

}  // namespace farhand
