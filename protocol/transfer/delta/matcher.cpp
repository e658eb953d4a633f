// Finding the base's blocks in the new content.
#include "protocol/transfer/delta/matcher.h"

#include <algorithm>

#include "common/check.h"
#include "common/hash.h"
#include "protocol/transfer/delta/rolling_sum.h"

namespace farhand::delta {
namespace {

// Hashing in vain: two bytes for each one that the window rolls on, which costs less than the rolling; and for a start,
// and at most, this many blocks. An honest base needs a hundredth of it.
constexpr std::uint64_t kCreditPerByte = 2;
constexpr std::uint64_t kMostCreditBlocks = 64;
constexpr std::uint64_t kLookUpBytes = 64;  // a look-up in vain takes as long as hashing some 64 bytes

// Where this many blocks' bytes have brought no match, a base that ever comes again is found a little later by looking
// at one block's bytes in four: what is lost is 3 blocks in 256 at most where a long run of the base follows, and a
// single block in the midst of what is new is found one time in four.
constexpr std::uint64_t kDesertBlocks = 256;
constexpr std::uint64_t kSkippedBlocks = 3;

}  // namespace

Matcher::Matcher(std::shared_ptr<const Signature> signature, Sink& sink)
    : signature_(std::move(signature)),
      sink_(&sink),
      block_bytes_(signature_->shape.block_bytes),
      in_place_(!signature_->complete()),
      credit_(kMostCreditBlocks * block_bytes_) {
  FARHAND_ASSERT(is_sound(signature_->shape));
}

Result<void> Matcher::add(Bytes piece) {
  return in_place_ ? add_in_place(piece) : add_anywhere(piece);
}

Result<void> Matcher::go_on() {
  if (!in_place_) return {};
  waits_ = lost_;
  if (!signature_->complete()) return add_in_place({});
  in_place_ = false;
  const std::vector<std::byte> held = std::exchange(kept_, {});
  return add_anywhere(held);
}

// ---------------------------------------------------------------------------------------------------------------------
// While the signature grows

// Mostly all of a piece is decided about where it lies.
Result<void> Matcher::add_in_place(Bytes piece) {
  if (kept_.empty()) {
    TRY_ASSIGN(const std::size_t decided, scan_in_place(piece));
    piece = piece.subspan(decided);
    kept_.assign(piece.begin(), piece.end());
    return {};
  }
  kept_.insert(kept_.end(), piece.begin(), piece.end());
  TRY_ASSIGN(const std::size_t decided, scan_in_place(kept_));
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(decided));
  return {};
}

Result<std::size_t> Matcher::scan_in_place(Bytes bytes) {
  std::size_t decided = 0;
  for (;;) {
    const Bytes rest = bytes.subspan(decided);
    const auto unequal = unequal_blocks(rest);
    if (!unequal) return decided;
    TRY(say_literal(rest.first(*unequal * block_bytes_)));
    TRY(say_block(expected_ + *unequal, block_bytes_));
    decided += (*unequal + 1) * block_bytes_;
  }
}

// How many blocks differ before one that is equal; nothing if that is not known yet.
std::optional<std::size_t> Matcher::unequal_blocks(Bytes bytes) {
  for (std::size_t unequal = 0; unequal <= kMostUnequalBlocks && !lost_; ++unequal) {
    const std::uint64_t block = expected_ + unequal;
    waits_ = block >= std::min(signature_->blocks(), signature_->shape.full_blocks());
    if (waits_ || bytes.size() < (unequal + 1) * block_bytes_) return std::nullopt;
    if (is_block(bytes.subspan(unequal * block_bytes_, block_bytes_), block)) return unequal;
  }
  waits_ = lost_ = true;
  return std::nullopt;
}

// ---------------------------------------------------------------------------------------------------------------------
// When all of it is known

// What a piece leaves over is kept and put before the next piece's beginning; once all that was kept is decided about,
// the rest of the piece is looked at where it lies.
//
//   kept_   |--old--|--from the piece--|          at least two blocks, else more is waited for
//   piece           |--from the piece--|------------------|
//   decided |------------------|                  all of old, and some of the piece
Result<void> Matcher::add_anywhere(Bytes piece) {
  const std::size_t enough = 2 * block_bytes_;
  while (!kept_.empty()) {
    const std::size_t old = kept_.size();
    const Bytes more = piece.first(std::min(piece.size(), enough - old));
    kept_.insert(kept_.end(), more.begin(), more.end());
    if (kept_.size() < enough) return {};
    TRY_ASSIGN(const std::size_t decided, scan(kept_));
    if (decided >= old) {
      piece = piece.subspan(decided - old);
      kept_.clear();
    } else {
      piece = piece.subspan(more.size());
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(decided));
    }
  }
  if (piece.size() >= enough) {
    TRY_ASSIGN(const std::size_t decided, scan(piece));
    piece = piece.subspan(decided);
  }
  kept_.assign(piece.begin(), piece.end());
  return {};
}

// Decides about all bytes but the last ones, fewer than a block. How many it decided about.
Result<std::size_t> Matcher::scan(Bytes bytes) {
  std::size_t decided = 0;
  while (bytes.size() - decided >= block_bytes_) {
    const Bytes rest = bytes.subspan(decided);
    if (expected_ < signature_->shape.full_blocks() && is_block(rest.first(block_bytes_), expected_)) {
      TRY(say_block(expected_, block_bytes_));
      decided += block_bytes_;
      continue;
    }
    TRY_ASSIGN(const bool was_short_block, take_short_block(rest));
    if (was_short_block) {
      decided += signature_->shape.short_block_bytes();
      continue;
    }
    expected_ = signature_->shape.blocks();
    const Match match = roll(bytes, decided);
    TRY(say_literal(bytes.subspan(decided, match.at - decided)));
    decided = match.at;
    if (!match.block) break;
    TRY(say_block(*match.block, block_bytes_));
    decided += block_bytes_;
  }
  return decided;
}

// From `at` to the first place where a block of the base stands, or to the first where no whole block is left.
Matcher::Match Matcher::roll(Bytes bytes, std::size_t at) {
  const std::size_t end = bytes.size() - block_bytes_ + 1;  // one behind the last window
  if (!index_) index_.emplace(*signature_);
  if (index_->empty()) return {end, std::nullopt};
  while (at < end) {
    const std::uint64_t fertile_bytes =
        kDesertBlocks * block_bytes_ - std::min(barren_bytes_, kDesertBlocks * block_bytes_);
    const bool desert = fertile_bytes == 0;
    const std::size_t stretch_end = at + std::min<std::uint64_t>(end - at, desert ? block_bytes_ : fertile_bytes);
    const Match match = roll_stretch(bytes, at, stretch_end);
    if (match.block) return match;
    const std::size_t next = desert ? std::min(end, stretch_end + kSkippedBlocks * block_bytes_) : stretch_end;
    barren_bytes_ += next - at;
    at = next;
  }
  return {end, std::nullopt};
}

Matcher::Match Matcher::roll_stretch(Bytes bytes, std::size_t at, std::size_t end) {
  RollingSum sum = RollingSum::of(bytes.subspan(at, block_bytes_));
  for (;;) {
    const std::size_t candidate = index_->next_candidate(bytes, at, end - 1, sum);
    if (candidate == end) return {end, std::nullopt};
    credit_ = std::min(credit_ + kCreditPerByte * (candidate - at), kMostCreditBlocks * block_bytes_);
    at = candidate;
    if (const auto block = look_up(bytes.subspan(at, block_bytes_), sum.mixed())) return {at, block};
    if (at + 1 == end) return {end, std::nullopt};
    sum.roll(bytes[at], bytes[at + block_bytes_], static_cast<std::uint32_t>(block_bytes_));
    ++at;
  }
}

std::optional<std::uint32_t> Matcher::look_up(Bytes window, std::uint32_t weak) {
  if (credit_ < window.size()) return std::nullopt;
  if (!index_->holds(weak)) {
    credit_ -= kLookUpBytes;
    return std::nullopt;
  }
  const auto block = index_->find(weak, block_hash(window, signature_->shape.seed));
  if (block) return block;
  credit_ -= window.size();
  vain_bytes_ += window.size();
  return std::nullopt;
}

bool Matcher::is_block(Bytes window, std::uint64_t block) const noexcept {
  return block_hash(window, signature_->shape.seed) == signature_->strong[block];
}

// A base that ends within a block: its end, where it is what is expected next. What follows it was appended.
Result<bool> Matcher::take_short_block(Bytes bytes) {
  const Shape& shape = signature_->shape;
  const std::size_t length = shape.short_block_bytes();
  if (length == 0 || expected_ != shape.full_blocks() || bytes.size() < length) return false;
  if (!is_block(bytes.first(length), expected_)) return false;
  TRY(say_block(expected_, length));
  return true;
}

Result<void> Matcher::finish() {
  FARHAND_ASSERT(!in_place_);
  TRY_ASSIGN(const std::size_t decided, scan(kept_));
  TRY(say_last(Bytes(kept_).subspan(decided)));
  kept_.clear();
  return say_copy();
}

// Fewer bytes than a block: the base's short last block may be at their beginning, or else at their end.
Result<void> Matcher::say_last(Bytes rest) {
  const Shape& shape = signature_->shape;
  TRY_ASSIGN(const bool was_short_block, take_short_block(rest));
  if (was_short_block) return say_literal(rest.subspan(shape.short_block_bytes()));
  const std::size_t length = shape.short_block_bytes();
  if (length == 0 || rest.size() < length || !is_block(rest.last(length), shape.full_blocks()))
    return say_literal(rest);
  TRY(say_literal(rest.first(rest.size() - length)));
  return say_block(shape.full_blocks(), length);
}

Result<void> Matcher::say_literal(Bytes bytes) {
  if (bytes.empty()) return {};
  TRY(say_copy());
  while (!bytes.empty()) {
    const Bytes piece = bytes.first(std::min(bytes.size(), kMaxLiteralBytes));
    TRY(sink_->literal(piece));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

// Blocks that follow each other in the base are said at once.
Result<void> Matcher::say_block(std::uint64_t block, std::uint64_t length) {
  expected_ = block + 1;
  barren_bytes_ = 0;
  const std::uint64_t offset = block * block_bytes_;
  if (copy_length_ > 0 && (offset != copy_offset_ + copy_length_ || copy_length_ + length > kMaxCopyBytes)) {
    TRY(say_copy());
  }
  if (copy_length_ == 0) copy_offset_ = offset;
  copy_length_ += length;
  return {};
}

Result<void> Matcher::say_copy() {
  if (copy_length_ == 0) return {};
  const std::uint64_t length = copy_length_;
  copy_length_ = 0;
  return sink_->copy(copy_offset_, length);
}

}  // namespace farhand::delta
