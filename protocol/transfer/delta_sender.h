// DeltaSender: says one file's content as `part` and `copy` frames, by what the receiver's signature covers.
//
//   add(offset, piece)... --> Matcher --> part (bytes of its own) | copy (a range of the receiver's file)
//
// The signature may still be growing when the content begins: then go_on() follows each of its pieces, and whatever
// cannot be decided before that waits().
//
// Content may have holes: what is added after a gap stands behind one, and nothing is said of the gap.
//
// Ownership: shares the signature (in the matcher), borrows the channel. Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/channel.h"
#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/part_sayer.h"

namespace farhand {

class DeltaSender final : private delta::Sink {
 public:
  DeltaSender(Channel& channel, JobObserver& observer, PartSayer& parts,
              std::shared_ptr<const delta::Signature> signature)
      : channel_(channel), observer_(observer), parts_(parts), matcher_(std::move(signature), *this) {}
  DeltaSender(const DeltaSender&) = delete;
  DeltaSender& operator=(const DeltaSender&) = delete;

  // The bytes at `offset`, which is not below the end of those before.
  void add(std::uint64_t offset, Bytes piece);
  // A hole, or the end: says what is still unsaid.
  void finish();
  // Whether a hole before `offset` can be passed, or the end be reached; if not, it waits for the whole signature.
  bool may_pass_to(std::uint64_t offset);
  bool may_finish();

  // Nothing more is to be added before go_on().
  [[nodiscard]] bool waits() const noexcept { return matcher_.waits() || (waits_for_all_ && matcher_.lacks_sums()); }
  void go_on();

  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }  // as parts
  // Room for the next piece, so that it is not allocated each time.
  [[nodiscard]] MutableBytes buffer();

 private:
  Result<void> literal(Bytes bytes) override;
  Result<void> copy(std::uint64_t offset, std::uint64_t length) override;

  Channel& channel_;
  JobObserver& observer_;
  PartSayer& parts_;
  delta::Matcher matcher_;
  std::vector<std::byte> buffer_;
  std::uint64_t added_ = 0;  // where the content that was added ends
  std::uint64_t said_ = 0;   // where the content that was said ends
  std::uint64_t sent_bytes_ = 0;
  bool waits_for_all_ = false;
};

}  // namespace farhand
