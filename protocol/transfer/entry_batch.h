// EntryBatch: entries on their way into one `entries` frame, with what they will take there.
//
// The first batches are small, so that verdicts begin to come early; later ones are worth a frame.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages/job.h"

namespace farhand {

class EntryBatch {
 public:
  // What an entry takes in a frame; one that takes more than kMostEntryBytes fits into none.
  static std::size_t wire_bytes(const Entry& entry) noexcept;
  static constexpr std::size_t kMostEntryBytes = kMaxStructure - 8;

  [[nodiscard]] bool fits(const Entry& entry) const noexcept;  // always true of an empty one
  void add(Entry entry);
  [[nodiscard]] bool is_full() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::vector<Entry>& entries() noexcept { return entries_; }

  void clear();  // it has been said: the next one begins

 private:
  std::vector<Entry> entries_;
  std::size_t bytes_ = 0;
  bool is_first_ = true;
};

}  // namespace farhand
