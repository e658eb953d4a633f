// The index over a signature's weak sums.
#include "protocol/transfer/delta/block_index.h"

#include <algorithm>
#include <bit>

namespace farhand::delta {
namespace {

constexpr std::uint64_t kBlocksPerWord = 2;  // 4 bytes a block; one look-up in 200 passes for nothing
constexpr std::uint64_t kSlotsPerBlock =
    4;  // 16 bytes a block, doubled at most by rounding up; so sparse that all find room
constexpr std::uint64_t kLeastWords = 16;
constexpr std::uint64_t kLeastSlots = 64;

std::uint32_t shift_for(std::uint64_t size) {
  return 32U - static_cast<std::uint32_t>(std::countr_zero(size));
}

}  // namespace

BlockIndex::BlockIndex(const Signature& signature) : signature_(&signature) {
  const std::uint64_t blocks = signature.shape.full_blocks();
  const std::uint64_t words = std::bit_ceil(std::max(kLeastWords, blocks / kBlocksPerWord));
  const std::uint64_t slots = std::bit_ceil(std::max(kLeastSlots, blocks * kSlotsPerBlock));
  words_.resize(words);
  slots_.resize(slots);
  words_shift_ = shift_for(words);
  slots_shift_ = shift_for(slots);
  for (std::uint32_t block = 0; block < blocks; ++block) insert(block);
}

// Calls visit(slot) for the slots in which a block of this weak sum may stand, until it says that this was enough.
template <class Visit>
void BlockIndex::visit_slots(std::uint32_t weak, Visit visit) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  const std::size_t first = (weak * 0x9e37'79b1U) >> slots_shift_;  // other bits than may_hold looks at
  for (unsigned probe = 0; probe < kMaxProbes; ++probe) {
    if (visit((first + probe) & mask)) return;
  }
}

void BlockIndex::insert(std::uint32_t block) noexcept {
  const std::uint32_t weak = signature_->weak[block];
  unsigned twins = 0;
  visit_slots(weak, [&](std::size_t slot) {
    if (slots_[slot] == 0) {
      slots_[slot] = block + 1;
      words_[weak >> words_shift_] |= bits_of(weak);
      ++listed_;
      return true;
    }
    const std::uint32_t other = slots_[slot] - 1;
    if (signature_->weak[other] != weak) return false;
    return signature_->strong[other] == signature_->strong[block] || ++twins == kMaxTwins;
  });
}

// The loop that sees every byte of what is new: all that it needs is in registers, and no index is checked.
std::size_t BlockIndex::next_candidate(Bytes bytes, std::size_t at, std::size_t last, RollingSum& sum) const noexcept {
  const std::uint32_t block_bytes = signature_->shape.block_bytes;
  const std::uint64_t* const words = words_.data();
  const std::uint32_t shift = words_shift_;
  const std::byte* const front = bytes.data();
  for (RollingSum rolled = sum;; ++at) {
    const std::uint32_t weak = rolled.mixed();
    const std::uint64_t word = words[weak >> shift];
    if ((word >> (weak & 63U) & word >> (weak >> 6U & 63U) & 1U) != 0) [[unlikely]] {
      sum = rolled;
      return at;
    }
    if (at == last) return last + 1;
    rolled.roll(front[at], front[at + block_bytes], block_bytes);
  }
}

bool BlockIndex::holds(std::uint32_t weak) const noexcept {
  bool held = false;
  visit_slots(weak, [&](std::size_t slot) {
    held = slots_[slot] != 0 && signature_->weak[slots_[slot] - 1] == weak;
    return held || slots_[slot] == 0;
  });
  return held;
}

std::optional<std::uint32_t> BlockIndex::find(std::uint32_t weak, std::uint64_t strong) const noexcept {
  std::optional<std::uint32_t> found;
  visit_slots(weak, [&](std::size_t slot) {
    if (slots_[slot] == 0) return true;
    const std::uint32_t block = slots_[slot] - 1;
    if (signature_->weak[block] == weak && signature_->strong[block] == strong) found = block;
    return found.has_value();
  });
  return found;
}

}  // namespace farhand::delta
