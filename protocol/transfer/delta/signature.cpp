// Cutting a base into blocks and summing them.
#include "protocol/transfer/delta/signature.h"

#include <algorithm>
#include <bit>

#include "common/hash.h"
#include "protocol/transfer/delta/rolling_sum.h"

namespace farhand::delta {
namespace {

constexpr std::uint32_t kUsualLeastBlock = 1 << 10;

}  // namespace

bool is_sound(const Shape& shape) noexcept {
  return shape.block_bytes >= kMinBlockBytes && shape.block_bytes <= kMaxBlockBytes && shape.blocks() <= kMaxBlocks;
}

std::uint32_t block_bytes_for(std::uint64_t base_bytes) noexcept {
  std::uint32_t block = kUsualLeastBlock;
  // (2 * block)^2 is the size for which a block is right; half a power of two on either side of it still is.
  while (block < kMaxBlockBytes && 8ULL * block * block < base_bytes) block *= 2;
  while (block < kMaxBlockBytes && base_bytes > block * kMaxBlocks) block *= 2;
  return block;
}

Result<SignatureMaker> SignatureMaker::begin(std::uint64_t base_bytes, std::uint64_t seed) {
  return begin(Shape{base_bytes, seed, block_bytes_for(base_bytes)});
}

Result<SignatureMaker> SignatureMaker::begin(const Shape& shape) {
  if (!is_sound(shape)) {
    return fail(ErrorCode::kLimit, "a file of " + std::to_string(shape.base_bytes) +
                                       " bytes cannot be compared in blocks of " + std::to_string(shape.block_bytes));
  }
  return SignatureMaker(shape);
}

SignatureMaker::SignatureMaker(const Shape& shape) : signature_{shape, {}, {}} {
  signature_.weak.reserve(shape.blocks());
  signature_.strong.reserve(shape.blocks());
}

Result<void> SignatureMaker::add(Bytes piece) {
  if (piece.size() > signature_.shape.base_bytes - taken_) {
    return fail(ErrorCode::kSourceChanged, "the old file grew while it was read");
  }
  taken_ += piece.size();
  const std::size_t block_bytes = signature_.shape.block_bytes;
  if (!begun_.empty()) {
    const Bytes rest = piece.first(std::min(piece.size(), block_bytes - begun_.size()));
    begun_.insert(begun_.end(), rest.begin(), rest.end());
    piece = piece.subspan(rest.size());
    if (begun_.size() < block_bytes) return {};
    add_block(begun_);
    begun_.clear();
  }
  for (; piece.size() >= block_bytes; piece = piece.subspan(block_bytes)) add_block(piece.first(block_bytes));
  begun_.assign(piece.begin(), piece.end());
  return {};
}

void SignatureMaker::add_block(Bytes block) {
  signature_.weak.push_back(RollingSum::of(block).mixed());
  signature_.strong.push_back(block_hash(block, signature_.shape.seed));
}

Result<void> SignatureMaker::finish() {
  if (taken_ != signature_.shape.base_bytes) {
    return fail(ErrorCode::kSourceChanged, "the old file became shorter while it was read");
  }
  if (!begun_.empty()) add_block(begun_);
  begun_.clear();
  return {};
}

}  // namespace farhand::delta
