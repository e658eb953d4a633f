// JobLedger: a queue of slots and a stack of directories.
#include "protocol/transfer/job_ledger.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace farhand {

std::uint64_t JobLedger::add(const std::string& entry_path) {
  Slot slot;
  if (entry_path != ".")
    slot.depth = 1 + static_cast<std::uint32_t>(std::count(entry_path.begin(), entry_path.end(), '/'));
  slots_.push_back(std::move(slot));
  return settled_ + slots_.size() - 1;
}

void JobLedger::remember_directory(std::uint64_t number, Entry entry, std::string path,
                                   std::optional<mode_t> restored) {
  FARHAND_ASSERT(number >= settled_ && number - settled_ < slots_.size());
  Slot& slot = slots_[number - settled_];
  slot.directory =
      std::make_unique<LeftDirectory>(LeftDirectory{std::move(entry), std::move(path), slot.depth, restored});
  directory_bytes_ += bytes_of(*slot.directory);
}

std::uint64_t JobLedger::bytes_of(const LeftDirectory& directory) noexcept {
  return sizeof directory + directory.path.size() + directory.entry.path.size() + directory.entry.user.size() +
         directory.entry.group.size();
}

void JobLedger::settle(std::uint64_t number) {
  FARHAND_ASSERT(number >= settled_ && number - settled_ < slots_.size());
  slots_[number - settled_].is_settled = true;
}

std::vector<JobLedger::LeftDirectory> JobLedger::advance(bool all) {
  std::vector<LeftDirectory> left;
  const auto leave_from = [&](std::size_t depth) {
    while (!entered_.empty() && entered_.back().depth >= depth) {
      directory_bytes_ -= bytes_of(entered_.back());
      left.push_back(std::move(entered_.back()));
      entered_.pop_back();
    }
  };
  while (!slots_.empty() && slots_.front().is_settled) {
    leave_from(slots_.front().depth);
    if (slots_.front().directory) entered_.push_back(std::move(*slots_.front().directory));
    slots_.pop_front();
    ++settled_;
  }
  if (all) leave_from(0);
  return left;
}

}  // namespace farhand
