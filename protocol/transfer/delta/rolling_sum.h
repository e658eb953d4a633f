// RollingSum: the weak sum of a block, which moves on by one byte in a few instructions. It finds candidates only.
//
//   plain    = b[0] + b[1] + ... + b[n-1]                 both modulo 2^32
//   weighted = n * b[0] + (n-1) * b[1] + ... + b[n-1]
//
// The two parts alone are poorly spread (a plain sum of text has some 14 telling bits), so what is compared and indexed
// is their mixture.
#pragma once

#include <cstdint>

#include "common/bytes.h"

namespace farhand::delta {

class RollingSum {
 public:
  // Of a whole block: some thirty times as fast as adding the bytes one by one.
  static RollingSum of(Bytes block) noexcept;

  // The window of `block_bytes` bytes moves on: `out` leaves it in front, `in` joins it at the end.
  void roll(std::byte out, std::byte in, std::uint32_t block_bytes) noexcept {
    plain_ += std::to_integer<std::uint32_t>(in) - std::to_integer<std::uint32_t>(out);
    weighted_ += plain_ - block_bytes * std::to_integer<std::uint32_t>(out);
  }

  [[nodiscard]] std::uint32_t mixed() const noexcept {
    constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;  // 2^64 over the golden ratio: spreads into the upper half
    return static_cast<std::uint32_t>(((std::uint64_t{weighted_} << 32U | plain_) * kOdd) >> 32U);
  }

 private:
  std::uint32_t plain_ = 0;
  std::uint32_t weighted_ = 0;
};

}  // namespace farhand::delta
