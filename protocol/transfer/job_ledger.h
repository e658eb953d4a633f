// JobLedger: which entries of a job are settled, and which directories are done with.
//
// Entries are settled in any order; what counts is how many are from the first one on without a gap. A directory is
// left once everything in it is settled, which is known when that count has passed an entry that is not below it: so
// directories are left deepest first, and only those that hold the present entry are remembered.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages/job.h"

namespace farhand {

class JobLedger {
 public:
  // The next entry, and its number. `directory`: it is one that is to be finished when it is left.
  std::uint64_t add(const std::string& entry_path);
  // `number` is a directory that is to be finished once it is left; `restored`: it only gets this mode back.
  void remember_directory(std::uint64_t number, Entry entry, std::string path,
                          std::optional<mode_t> restored = std::nullopt);
  void settle(std::uint64_t number);

  struct LeftDirectory {
    Entry entry;
    std::string path;  // in the target
    std::size_t depth = 0;
    std::optional<mode_t> restored;
  };
  // Moves the count on, and gives the directories that have been left by that; `all`: those that are still open too.
  std::vector<LeftDirectory> advance(bool all = false);

  [[nodiscard]] std::uint64_t settled() const noexcept { return settled_; }
  [[nodiscard]] std::size_t open() const noexcept { return slots_.size(); }
  // What is remembered of directories, their attributes apart.
  [[nodiscard]] std::uint64_t directory_bytes() const noexcept { return directory_bytes_; }

 private:
  struct Slot {
    std::uint32_t depth = 0;  // components of its path; 0: "."
    bool is_settled = false;
    std::unique_ptr<LeftDirectory> directory;
  };
  std::deque<Slot> slots_;  // from the first entry that is not settled on
  static std::uint64_t bytes_of(const LeftDirectory& directory) noexcept;
  std::uint64_t settled_ = 0;
  std::uint64_t directory_bytes_ = 0;
  std::vector<LeftDirectory> entered_;
};

}  // namespace farhand
