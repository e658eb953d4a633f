// The two judgements: of what a piece has shrunk by, and of how long the link has made us wait.
#include "protocol/transfer/packing_policy.h"

#include <algorithm>
#include <array>

#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::size_t kSampleBytes = 64 << 10;
constexpr std::uint64_t kMostPlain = 16 << 20;
// Less than this share gone is not worth unpacking.
constexpr std::uint64_t kLeastGain = 20;  // a twentieth

// Each costs about twice the time of the one below it. Above the last a tenth of the wire costs ten times the memory.
constexpr std::array kLevels{1, 3, 6};
constexpr std::uint64_t kStretch = 4 << 20;  // of content, twice what the window holds

}  // namespace

void PackingPolicy::begin_file() noexcept {
  sampling_ = true;
  plain_left_ = 0;
  next_plain_ = kFirstPlain;
}

std::size_t PackingPolicy::piece_bytes() const noexcept {
  if (!packs()) return static_cast<std::size_t>(std::min<std::uint64_t>(plain_left_, kPieceBytes));
  return sampling_ ? kSampleBytes : kMaxPackedContent;
}

void PackingPolicy::packed(std::uint64_t content, std::uint64_t wire) noexcept {
  content_ += content;
  sampling_ = wire + content / kLeastGain > content;
  if (!sampling_) {
    next_plain_ = kFirstPlain;
    return;
  }
  plain_left_ = next_plain_;
  next_plain_ = std::min(2 * next_plain_, kMostPlain);
}

void PackingPolicy::went_plain(std::uint64_t content) noexcept {
  plain_left_ -= std::min(plain_left_, content);
}

int PackingPolicy::level(Time now, Duration held_up) noexcept {
  if (judged_ == Time{}) {
    judged_ = now;
    held_up_ = held_up;
  } else if (content_ >= kStretch) {
    judge_link(now, held_up);
  }
  return kLevels[rung_];
}

// Who waits for more than half of the time has it for a level that takes twice as long.
void PackingPolicy::judge_link(Time now, Duration held_up) noexcept {
  const Duration passed = now - judged_;
  const Duration waited = held_up - held_up_;
  if (2 * waited > passed) {
    rung_ = std::min(rung_ + 1, kLevels.size() - 1);
  } else if (10 * waited < passed && rung_ > 0) {
    --rung_;
  }
  content_ = 0;
  judged_ = now;
  held_up_ = held_up;
}

}  // namespace farhand
