// A gear hash over every byte, with a stricter mask before the usual size and a laxer one behind it.
#include "tests/bench/gear_chunks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_set>

#include "common/hash.h"

namespace farhand::bench {
namespace {

std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  for (std::size_t i = 0; i < gear.size(); ++i) {
    const auto byte = static_cast<std::byte>(i);
    gear[i] = block_hash({&byte, 1}, 1);
  }
  return gear;
}

// The first chunk's size. The hash's upper bits are those that many bytes have a say in.
std::size_t cut(Bytes rest, std::uint32_t usual) {
  static const auto kGear = make_gear();
  const auto bits = static_cast<unsigned>(std::countr_zero(usual));
  const std::uint64_t strict = ~std::uint64_t{0} << (64 - bits - 2);
  const std::uint64_t lax = ~std::uint64_t{0} << (64 - bits + 2);
  const std::size_t most = std::min<std::size_t>(rest.size(), 8UL * usual);
  const std::size_t middle = std::min<std::size_t>(most, usual);
  std::uint64_t hash = 0;
  std::size_t at = std::min<std::size_t>(most, usual / 4);
  for (; at < middle; ++at) {
    hash = (hash << 1U) + kGear[std::to_integer<std::size_t>(rest[at])];
    if ((hash & strict) == 0) return at + 1;
  }
  for (; at < most; ++at) {
    hash = (hash << 1U) + kGear[std::to_integer<std::size_t>(rest[at])];
    if ((hash & lax) == 0) return at + 1;
  }
  return most;
}

}  // namespace

std::vector<Chunk> cut_chunks(Bytes content, std::uint32_t usual_bytes) {
  std::vector<Chunk> chunks;
  while (!content.empty()) {
    const Bytes chunk = content.first(cut(content, usual_bytes));
    chunks.push_back({block_hash(chunk, 0), static_cast<std::uint32_t>(chunk.size())});
    content = content.subspan(chunk.size());
  }
  return chunks;
}

std::uint64_t bytes_not_in(const std::vector<Chunk>& base, const std::vector<Chunk>& fresh) {
  std::unordered_set<std::uint64_t> known;
  known.reserve(base.size());
  for (const Chunk& chunk : base) known.insert(chunk.hash);
  std::uint64_t bytes = 0;
  for (const Chunk& chunk : fresh) {
    if (!known.contains(chunk.hash)) bytes += chunk.bytes;
  }
  return bytes;
}

}  // namespace farhand::bench
