// The arithmetic of an `entries` frame.
#include "protocol/transfer/entry_batch.h"

namespace farhand {
namespace {

constexpr std::size_t kCountBytes = 8;  // of a list or a text
// kind, mode, time, size, occupied, hashed; texts
constexpr std::size_t kFixedBytes = 1 + 4 + 8 + 4 + 8 + 8 + 1 + 5 * kCountBytes;
constexpr std::size_t kFirstBytes = 16 << 10;
constexpr std::size_t kFirstEntries = 64;
constexpr std::size_t kLaterBytes = 64 << 10;  // an outbox full

}  // namespace

std::size_t EntryBatch::wire_bytes(const Entry& entry) noexcept {
  std::size_t bytes = kFixedBytes + entry.path.size() + entry.target.size() + entry.user.size() + entry.group.size();
  for (const ExtendedAttribute& attribute : entry.attributes) {
    bytes += 2 * kCountBytes + attribute.name.size() + attribute.value.size();
  }
  return bytes + (entry.hashed ? entry.hash.size() : 0);
}

bool EntryBatch::fits(const Entry& entry) const noexcept {
  return empty() || bytes_ + wire_bytes(entry) <= kLaterBytes;
}

void EntryBatch::add(Entry entry) {
  bytes_ += wire_bytes(entry);
  entries_.push_back(std::move(entry));
}

bool EntryBatch::is_full() const noexcept {
  return is_first_ ? bytes_ >= kFirstBytes || size() >= kFirstEntries : bytes_ >= kLaterBytes;
}

void EntryBatch::clear() {
  entries_.clear();
  bytes_ = 0;
  is_first_ = false;
}

}  // namespace farhand
