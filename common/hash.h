// ContentHash: XXH3-128 of a stream of bytes. It finds accidents, not forgers: TLS is what keeps forgers out.
//
// Format: the canonical form of XXH3-128, big-endian, 16 bytes; in text 32 hexadecimal digits, as `xxhsum -H2` prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/bytes.h"

namespace farhand {

using HashValue = std::array<std::uint8_t, 16>;

class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(ContentHash&&) noexcept;
  ContentHash& operator=(ContentHash&&) noexcept;

  void add(Bytes bytes);
  [[nodiscard]] HashValue value() const;  // of everything added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_text(const HashValue& value);

// XXH3-64 of a block, other for every seed. For comparing pieces that the whole's ContentHash still has to confirm.
std::uint64_t block_hash(Bytes bytes, std::uint64_t seed) noexcept;

}  // namespace farhand
