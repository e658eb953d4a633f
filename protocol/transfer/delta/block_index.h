// BlockIndex: from a weak sum to the full blocks of a Signature that have it.
//
//   weak sum -> two bits of one word, which say "perhaps" (a word is read from the second-level cache, and mostly says
//   no)
//            -> a few neighbouring slots of a table -> block numbers
//
// However a signature was made, a look-up visits at most kMaxProbes slots: of blocks with one weak sum only the first
// few different ones are listed, and those that find no room near their place are left out. Left out costs literals,
// not correctness.
//
// Ownership: borrows the signature. Threads: const functions from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/transfer/delta/rolling_sum.h"
#include "protocol/transfer/delta/signature.h"

namespace farhand::delta {

class BlockIndex {
 public:
  static constexpr unsigned kMaxProbes = 16;
  static constexpr unsigned kMaxTwins = 4;  // different blocks of one weak sum

  explicit BlockIndex(const Signature& signature);  // a complete one

  [[nodiscard]] bool empty() const noexcept { return listed_ == 0; }

  // Rolls `sum`, of the window at bytes[at], on to the next window that may be a block, and says where that is: wrong
  // for one place in 200 or so. `last`, at or behind `at`, is the last window to look at; last + 1: none of them is.
  [[nodiscard]] std::size_t next_candidate(Bytes bytes, std::size_t at, std::size_t last,
                                           RollingSum& sum) const noexcept;
  // Whether a block has this weak sum; then its strong sum is worth computing.
  [[nodiscard]] bool holds(std::uint32_t weak) const noexcept;
  // The first block with both sums.
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t weak, std::uint64_t strong) const noexcept;

 private:
  static std::uint64_t bits_of(std::uint32_t weak) noexcept {
    return std::uint64_t{1} << (weak & 63U) | std::uint64_t{1} << (weak >> 6U & 63U);
  }
  template <class Visit>
  void visit_slots(std::uint32_t weak, Visit visit) const noexcept;
  void insert(std::uint32_t block) noexcept;

  const Signature* signature_;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> slots_;  // a block's number plus one; 0: free
  std::uint32_t words_shift_;
  std::uint32_t slots_shift_;
  std::uint64_t listed_ = 0;
};

}  // namespace farhand::delta
