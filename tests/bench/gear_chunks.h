// Content-defined chunks, to compare with: a gear hash cuts both contents, and chunks are recognised by their hash.
#pragma once

#include <cstdint>
#include <vector>

#include "common/bytes.h"

namespace farhand::bench {

struct Chunk {
  std::uint64_t hash;
  std::uint32_t bytes;
};

// Cuts and hashes all of `content`; `usual_bytes`, a power of two, is about the chunks' mean size.
std::vector<Chunk> cut_chunks(Bytes content, std::uint32_t usual_bytes);

// The bytes of those chunks of `fresh` that are not in `base`.
std::uint64_t bytes_not_in(const std::vector<Chunk>& base, const std::vector<Chunk>& fresh);

}  // namespace farhand::bench
