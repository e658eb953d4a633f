// A Signature to bytes and back.
#include "protocol/transfer/delta/signature_pieces.h"

#include <algorithm>
#include <concepts>

namespace farhand::delta {
namespace {

template <std::unsigned_integral Number>
void append(std::vector<std::byte>& bytes, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) bytes.push_back(static_cast<std::byte>(number >> (8 * i) & 0xffU));
}

// From the front of `bytes`, which the caller has found to be long enough.
template <std::unsigned_integral Number>
Number cut(Bytes& bytes) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number |= std::to_integer<Number>(bytes[i]) << (8 * i);
  bytes = bytes.subspan(sizeof number);
  return number;
}

Error malformed(std::string_view how) {
  return Error{ErrorCode::kProtocol, "the description of an old file " + std::string(how), false};
}

}  // namespace

std::vector<std::byte> SignatureWriter::next() {
  std::vector<std::byte> piece;
  const std::uint64_t end = written_ + std::min<std::uint64_t>(waiting(), kPieceSums);
  piece.reserve(kShapeBytes + (end - written_) * kSumBytes);
  if (!begun_) {
    append(piece, signature_->shape.block_bytes);
    append(piece, signature_->shape.base_bytes);
    append(piece, signature_->shape.seed);
    begun_ = true;
  }
  for (; written_ < end; ++written_) {
    append(piece, signature_->weak[written_]);
    append(piece, signature_->strong[written_]);
  }
  return piece;
}

Result<void> SignatureReader::take_shape(Bytes shape) {
  signature_->shape.block_bytes = cut<std::uint32_t>(shape);
  signature_->shape.base_bytes = cut<std::uint64_t>(shape);
  signature_->shape.seed = cut<std::uint64_t>(shape);
  if (!is_sound(signature_->shape)) return fail(malformed("has sizes beyond the limits"));
  begun_ = true;
  return {};
}

Result<void> SignatureReader::take(Bytes piece) {
  if (piece.size() > kMaxPieceBytes) return fail(malformed("comes in pieces that are too large"));
  if (!begun_) {
    if (piece.size() < kShapeBytes) return fail(malformed("has no beginning"));
    TRY(take_shape(piece.first(kShapeBytes)));
    piece = piece.subspan(kShapeBytes);
  } else if (piece.empty()) {
    return fail(malformed("has an empty piece"));
  }
  const std::size_t sums = piece.size() / kSumBytes;
  if (piece.size() % kSumBytes != 0) return fail(malformed("ends within a sum"));
  if (sums > signature_->shape.blocks() - signature_->blocks()) return fail(malformed("has more sums than blocks"));
  while (!piece.empty()) {
    signature_->weak.push_back(cut<std::uint32_t>(piece));
    signature_->strong.push_back(cut<std::uint64_t>(piece));
  }
  return {};
}

Result<Signature> SignatureReader::finish() {
  if (!done()) return fail(malformed("is not complete"));
  return std::move(*signature_);
}

}  // namespace farhand::delta
