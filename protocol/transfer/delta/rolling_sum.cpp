// The weak sum of a whole block, sixteen bytes at a time.
#include "protocol/transfer/delta/rolling_sum.h"

#include <array>
#include <bit>
#include <cstring>

namespace farhand::delta {
namespace {

static_assert(std::endian::native == std::endian::little, "the weights below are for little-endian loads");

// What the processor adds at once, on every x86-64 and ARM; elsewhere the compiler makes ordinary additions of it.
using Words = std::uint16_t __attribute__((vector_size(16)));
using Sums = std::uint32_t __attribute__((vector_size(16)));

constexpr std::size_t kRowBytes = sizeof(Words);
// Rows that are added up in 16 bits: 255 * (16 + 15 + ... + 1) < 2^16. The least block has two such groups.
constexpr std::size_t kGroupRows = 16;
constexpr std::size_t kGroupBytes = kGroupRows * kRowBytes;

// The sums of one column, which is every sixteenth byte: plain, and weighted by how many rows there are from each to
// the end of what was added.
//
//   row   0  | b[0]   b[1]   ... b[15]
//   row   1  | b[16]  b[17]  ... b[31]
struct Column {
  Words plain{};
  Words weighted{};
  void add(Words bytes) noexcept {
    plain += bytes;
    weighted += plain;
  }
};

// Four columns that stand two bytes apart, and the four between; of all the groups.
struct Columns {
  std::array<Sums, 2> plain{};
  std::array<Sums, 2> weighted{};
  void add(const Column& group) noexcept {
    for (std::size_t half = 0; half < 2; ++half) weighted[half] += plain[half] * kGroupRows;
    plain[0] += std::bit_cast<Sums>(group.plain) & 0xffffU;
    plain[1] += std::bit_cast<Sums>(group.plain) >> 16U;
    weighted[0] += std::bit_cast<Sums>(group.weighted) & 0xffffU;
    weighted[1] += std::bit_cast<Sums>(group.weighted) >> 16U;
  }
};

void add_group(const std::byte* bytes, Columns& even, Columns& odd) noexcept {
  Column even_bytes;
  Column odd_bytes;
  for (std::size_t row = 0; row < kGroupRows; ++row) {
    Words words;
    std::memcpy(&words, bytes + row * kRowBytes, sizeof words);
    even_bytes.add(words & 0x00ff);
    odd_bytes.add(words >> 8);
  }
  even.add(even_bytes);
  odd.add(odd_bytes);
}

}  // namespace

// A byte's weight is 16 for each row from its own to the end, less its place in the row.
RollingSum RollingSum::of(Bytes block) noexcept {
  Columns even;
  Columns odd;
  std::size_t at = 0;
  for (; block.size() - at >= kGroupBytes; at += kGroupBytes) add_group(block.data() + at, even, odd);
  RollingSum sum;
  for (std::uint32_t place = 0; place < kRowBytes; ++place) {
    const Columns& columns = place % 2 == 0 ? even : odd;
    const std::uint32_t plain = columns.plain[place / 2 % 2][place / 4];
    sum.weighted_ += 16 * columns.weighted[place / 2 % 2][place / 4] - place * plain;
    sum.plain_ += plain;
  }
  for (; at < block.size(); ++at) {
    sum.plain_ += std::to_integer<std::uint32_t>(block[at]);
    sum.weighted_ += sum.plain_;
  }
  return sum;
}

}  // namespace farhand::delta
