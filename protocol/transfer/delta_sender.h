// DeltaSender: says one file's content as `part` and `copy` frames, by what the receiver's signature covers.
//
//   add(offset, piece)... --> Matcher --> part (bytes of its own) | copy (a range of the receiver's file)
//
// Content may have holes: what is added after a gap stands behind one, and nothing is said of the gap.
//
// Ownership: owns the signature (in the matcher), borrows the channel. Threads: one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/channel.h"
#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/job.h"

namespace farhand {

class DeltaSender final : private delta::Sink {
 public:
  DeltaSender(Channel& channel, JobObserver& observer, delta::Signature signature)
      : channel_(channel), observer_(observer), matcher_(std::move(signature), *this) {}
  DeltaSender(const DeltaSender&) = delete;
  DeltaSender& operator=(const DeltaSender&) = delete;

  // The bytes at `offset`, which is not below the end of those before.
  void add(std::uint64_t offset, Bytes piece);
  // A hole, or the end: says what is still unsaid.
  void finish();

  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }  // as parts
  // Room for the next piece, so that it is not allocated each time.
  [[nodiscard]] MutableBytes buffer();

 private:
  Result<void> literal(Bytes bytes) override;
  Result<void> copy(std::uint64_t offset, std::uint64_t length) override;

  Channel& channel_;
  JobObserver& observer_;
  delta::Matcher matcher_;
  std::vector<std::byte> buffer_;
  std::uint64_t added_ = 0;  // where the content that was added ends
  std::uint64_t said_ = 0;   // where the content that was said ends
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace farhand
