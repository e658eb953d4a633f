// The weak sum of a whole block, eight bytes at a time in ordinary registers.
#include "protocol/transfer/delta/rolling_sum.h"

#include <bit>
#include <cstring>

namespace farhand::delta {
namespace {

static_assert(std::endian::native == std::endian::little, "the weights below are for little-endian loads");

// Every other byte of a word stands in a lane of 16 bits. A product with a constant of four lanes has, in its uppermost
// lane, the sum of lane k times the constant's lane 3-k; none overflows: 255 * (8 + 6 + 4 + 2) < 2^16.
constexpr std::uint64_t kEvenBytes = 0x00ff'00ff'00ff'00ff;
constexpr std::uint64_t kEvenWeights = 0x0008'0006'0004'0002;  // bytes 0, 2, 4, 6 of the word
constexpr std::uint64_t kOddWeights = 0x0007'0005'0003'0001;   // bytes 1, 3, 5, 7
constexpr std::uint64_t kOnes = 0x0001'0001'0001'0001;

constexpr std::uint32_t top_lane(std::uint64_t lanes) {
  return static_cast<std::uint32_t>(lanes >> 48U);
}

}  // namespace

RollingSum RollingSum::of(Bytes block) noexcept {
  RollingSum sum;
  std::size_t at = 0;
  for (; block.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, block.data() + at, sizeof word);
    const std::uint64_t even = word & kEvenBytes;
    const std::uint64_t odd = word >> 8U & kEvenBytes;
    sum.weighted_ += 8 * sum.plain_ + top_lane(even * kEvenWeights) + top_lane(odd * kOddWeights);
    sum.plain_ += top_lane((even + odd) * kOnes);
  }
  for (; at < block.size(); ++at) {
    sum.plain_ += std::to_integer<std::uint32_t>(block[at]);
    sum.weighted_ += sum.plain_;
  }
  return sum;
}

}  // namespace farhand::delta
