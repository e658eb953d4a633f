// A Signature as bytes, in pieces that fit into one structure of the wire each.
//
// Format, little-endian, without gaps:
//   the first piece    u32 block size | u64 size of the base | u64 seed | sums
//   every other one    sums, one at least
//   a sum              u32 weak | u64 strong
// There is a sum for every block of the base, in order; a piece has at most kPieceSums of them. How many there are in
// all follows from the sizes and is not said.
//
// Ownership: the writer borrows its signature. Threads: one at a time. Errors: kProtocol for whatever does not fit.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"
#include "protocol/transfer/delta/signature.h"

namespace farhand::delta {

inline constexpr std::size_t kShapeBytes = 4 + 8 + 8;
inline constexpr std::size_t kSumBytes = 4 + 8;
inline constexpr std::size_t kMaxPieceBytes = 256 << 10;
inline constexpr std::size_t kPieceSums = (kMaxPieceBytes - kShapeBytes) / kSumBytes;

class SignatureWriter {
 public:
  // The signature may still grow between the calls.
  explicit SignatureWriter(const Signature& signature) : signature_(&signature) {}

  // Whether everything has been handed out.
  [[nodiscard]] bool done() const noexcept { return begun_ && written_ == signature_->shape.blocks(); }
  // Sums that are known and not handed out.
  [[nodiscard]] std::uint64_t waiting() const noexcept { return signature_->blocks() - written_; }
  // The next piece, from what is known. Empty: nothing new is.
  std::vector<std::byte> next();

 private:
  const Signature* signature_;
  std::uint64_t written_ = 0;
  bool begun_ = false;
};

class SignatureReader {
 public:
  // Holds twice as much as has arrived at most, whatever the first piece announces.
  Result<void> take(Bytes piece);
  [[nodiscard]] bool done() const noexcept { return begun_ && signature_->complete(); }
  // kProtocol when pieces are missing.
  Result<Signature> finish();
  // What has come so far, which grows with every piece; its shape stands after the first. Shared, because a matcher
  // reads it meanwhile, and either may end first.
  [[nodiscard]] std::shared_ptr<const Signature> signature() const noexcept { return signature_; }

 private:
  Result<void> take_shape(Bytes shape);

  std::shared_ptr<Signature> signature_ = std::make_shared<Signature>();
  bool begun_ = false;
};

}  // namespace farhand::delta
