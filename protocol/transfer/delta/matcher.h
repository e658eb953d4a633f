// Matcher: reads the new content once and says how to make it from the base: bytes of its own, and ranges of the base.
//
// After a block that matched, the next block of the base is expected next and only compared, at the speed of the strong
// hash. Where it does not come, a window is rolled on byte by byte, and looked up, until some block matches again;
// where nothing has matched for long, only at one stretch in four.
//
// The signature may still be growing. Until it is complete, blocks of the new content are compared with those that
// stand at the same place in the base, as far as these are known, and up to kMostUnequalBlocks that differ are literals
// if the next one is equal: that is what comes of a change in the midst of a file anyway. Whatever else is met waits
// for the rest of the signature, and nothing is lost by it.
//
// What it costs is bounded whatever the signature says: strong hashes that confirm nothing are paid from a credit that
// grows with the bytes read; while there is none, nothing is looked up, and bytes go as literals.
//
// Ownership: shares the signature, borrows the sink.
// Memory: some 32 bytes a block, and two blocks' bytes; while the signature grows a piece more than three blocks.
// Threads: one at a time. Errors: the sink's, handed on; the matcher is of no use afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"
#include "protocol/transfer/delta/block_index.h"
#include "protocol/transfer/delta/signature.h"

namespace farhand::delta {

// One instruction's size at most, so that the other side never works long without looking up.
inline constexpr std::size_t kMaxLiteralBytes = 256 << 10;
inline constexpr std::uint64_t kMaxCopyBytes = 4 << 20;

// Who is told how to make the new content, from front to back.
class Sink {
 public:
  virtual ~Sink() = default;
  // 1 to kMaxLiteralBytes bytes; they are valid during the call.
  virtual Result<void> literal(Bytes bytes) = 0;
  // 1 to kMaxCopyBytes bytes of the base from `offset` on.
  virtual Result<void> copy(std::uint64_t offset, std::uint64_t length) = 0;
};

class Matcher {
 public:
  static constexpr std::size_t kMostUnequalBlocks = 2;

  // Of a sound shape. One that is not complete grows on this thread, between the calls, by whole pieces; go_on()
  // follows.
  Matcher(std::shared_ptr<const Signature> signature, Sink& sink);
  Matcher(Signature signature, Sink& sink) : Matcher(std::make_shared<const Signature>(std::move(signature)), sink) {}
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // The new content's next bytes. Pieces of two blocks and more are not copied; of 1 MiB, say.
  Result<void> add(Bytes piece);
  // The new content has ended, or a hole begins: says what is still unsaid. More may be added behind a hole. Only when
  // the signature is complete.
  Result<void> finish();
  // The signature has grown: decides about what was kept for it.
  Result<void> go_on();
  // Nothing can be decided before the signature has grown: what is added now is only kept.
  [[nodiscard]] bool waits() const noexcept { return in_place_ && waits_; }
  // go_on() has not seen the whole of it.
  [[nodiscard]] bool lacks_sums() const noexcept { return in_place_; }

  // Hashed without finding a block, where a look-up had hoped for one: at most twice the bytes added, and 64 blocks.
  [[nodiscard]] std::uint64_t vain_bytes() const noexcept { return vain_bytes_; }

 private:
  struct Match {
    std::size_t at;  // in the bytes that were looked at
    std::optional<std::uint32_t> block;
  };

  Result<void> add_in_place(Bytes piece);
  Result<std::size_t> scan_in_place(Bytes bytes);
  std::optional<std::size_t> unequal_blocks(Bytes bytes);
  Result<void> add_anywhere(Bytes piece);
  Result<std::size_t> scan(Bytes bytes);
  Match roll(Bytes bytes, std::size_t at);
  Match roll_stretch(Bytes bytes, std::size_t at, std::size_t end);
  std::optional<std::uint32_t> look_up(Bytes window, std::uint32_t weak);
  [[nodiscard]] bool is_block(Bytes window, std::uint64_t block) const noexcept;
  Result<bool> take_short_block(Bytes bytes);
  Result<void> say_last(Bytes rest);
  Result<void> say_literal(Bytes bytes);
  Result<void> say_block(std::uint64_t block, std::uint64_t length);
  Result<void> say_copy();

  std::shared_ptr<const Signature> signature_;
  std::optional<BlockIndex> index_;  // once it is needed, over all of it
  Sink* sink_;
  std::size_t block_bytes_;
  bool in_place_;                   // the signature may lack sums
  bool waits_ = false;              // for more of them
  bool lost_ = false;               // for all of them
  std::vector<std::byte> kept_;     // what no decision has been made about; fewer than two blocks unless in_place_
  std::uint64_t expected_ = 0;      // the block that is to come next; shape.blocks(): none is
  std::uint64_t barren_bytes_ = 0;  // rolled over since the last match
  std::uint64_t credit_;            // bytes that may be hashed in vain
  std::uint64_t vain_bytes_ = 0;
  std::uint64_t copy_offset_ = 0;
  std::uint64_t copy_length_ = 0;  // 0: no copy is waiting to grow
};

}  // namespace farhand::delta
