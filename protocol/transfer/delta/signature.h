// Signature: what one side says of the file that it has (the base), so that the other side can leave out of its file
// what is in the base already. A list of sums, one for each block of equal size; the last block may be shorter.
//
// Block size: half of the square root of the base's size, as a power of two, at least 1 KiB: 16 KiB for 1 GiB.
// docs/delta.md has the measurements. A block's sum is 32 bits that roll and 64 bits of a seeded XXH3; both must agree.
//
// Ownership: values. Threads: one at a time.
// Errors:    a base that is too large for a signature (kLimit), or that did not hold still (kSourceChanged).
#pragma once

#include <cstdint>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand::delta {

// Smaller blocks cost more in sums than they save.
inline constexpr std::uint32_t kMinBlockBytes = 512;
// Larger ones would make a matcher hold too much: it keeps two blocks' worth of bytes.
inline constexpr std::uint32_t kMaxBlockBytes = 4 << 20;
// 1 Mi sums of 12 bytes; with the matcher's index over them some 32 MiB.
inline constexpr std::uint64_t kMaxBlocks = 1 << 20;
inline constexpr std::uint64_t kMaxBaseBytes = kMaxBlocks * kMaxBlockBytes;  // 4 TiB

// How a base is cut into blocks.
struct Shape {
  std::uint64_t base_bytes = 0;
  std::uint64_t seed = 0;  // of the strong sums
  std::uint32_t block_bytes = kMinBlockBytes;

  [[nodiscard]] std::uint64_t blocks() const noexcept {
    return base_bytes / block_bytes + (base_bytes % block_bytes == 0 ? 0 : 1);
  }
  // The blocks of full size: all but a short last one.
  [[nodiscard]] std::uint64_t full_blocks() const noexcept { return base_bytes / block_bytes; }
  // 0: the last block is a full one, too.
  [[nodiscard]] std::uint32_t short_block_bytes() const noexcept {
    return static_cast<std::uint32_t>(base_bytes % block_bytes);
  }
};

// Whether the numbers keep within the limits above. What comes from a peer is asked first.
bool is_sound(const Shape& shape) noexcept;

// The block size for a base of this size, which is at most kMaxBaseBytes.
std::uint32_t block_bytes_for(std::uint64_t base_bytes) noexcept;

struct Signature {
  Shape shape;
  std::vector<std::uint32_t> weak;    // RollingSum, by block
  std::vector<std::uint64_t> strong;  // block_hash, by block

  [[nodiscard]] std::uint64_t blocks() const noexcept { return strong.size(); }  // those known so far
  [[nodiscard]] bool complete() const noexcept { return blocks() == shape.blocks(); }
};

class SignatureMaker {
 public:
  // `seed` is to be drawn afresh each time: then nobody can prepare a file whose blocks are taken for each other, and
  // what went wrong by accident goes right when it is tried again. kLimit for more than kMaxBaseBytes.
  static Result<SignatureMaker> begin(std::uint64_t base_bytes, std::uint64_t seed);
  // The same with a block size of the caller's choice. kLimit for an unsound shape.
  static Result<SignatureMaker> begin(const Shape& shape);

  // The base's next bytes, in pieces of any size. kSourceChanged: there are more than was said.
  Result<void> add(Bytes piece);

  // The base has ended. kSourceChanged: there were fewer bytes than was said.
  Result<void> finish();

  // What is known so far; it may be sent while it grows (SignatureWriter).
  [[nodiscard]] const Signature& signature() const noexcept { return signature_; }

 private:
  explicit SignatureMaker(const Shape& shape);
  void add_block(Bytes block);

  Signature signature_;
  std::uint64_t taken_ = 0;
  std::vector<std::byte> begun_;  // the block that a piece's end cut in two
};

}  // namespace farhand::delta
