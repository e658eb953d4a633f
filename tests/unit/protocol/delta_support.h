// What the tests of deltas share: contents from a seed, recorded instructions, and a base in a file.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/delta/rebuilder.h"
#include "protocol/transfer/delta/signature.h"

namespace farhand::test {

// `bytes` characters out of the first `letters` of an alphabet of 256.
std::string random_content(std::mt19937_64& random, std::size_t bytes, unsigned letters = 256);

struct Copy {
  std::uint64_t offset;
  std::uint64_t length;
};

// What a matcher said, in order.
struct Script final : delta::Sink {
  Result<void> literal(Bytes bytes) override;
  Result<void> copy(std::uint64_t offset, std::uint64_t length) override;

  [[nodiscard]] std::uint64_t literal_bytes() const;
  [[nodiscard]] std::uint64_t copied_bytes() const;
  // Followed by hand, as a check on Rebuilder too.
  [[nodiscard]] std::string applied_to(const std::string& base) const;

  std::vector<std::variant<std::string, Copy>> steps;
};

// Fed in pieces of `piece` bytes. `block_bytes` 0: the usual block size.
delta::Signature signature_of(const std::string& base, std::uint32_t block_bytes = 0, std::size_t piece = 1 << 20);
Script script_for(const delta::Signature& signature, const std::string& fresh, std::size_t piece = 1 << 20);

// A base in memory that has a descriptor.
UniqueFd file_with(const std::string& content);

}  // namespace farhand::test
