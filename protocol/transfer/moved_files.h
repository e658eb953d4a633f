// MovedFiles: the files that a target has, to be found by size when a new one comes: what was renamed at the sender is
// here under its old name still, and need not be sent again. Whether it is the same is for a hash to say.
//
// What is taken for a candidate: of equal size, and of equal time of modification to the nanosecond (renaming keeps it)
// or of equal name (moved elsewhere). Files below kLeastDelta are not remembered: sending them is cheap.
//
// Memory: at most kMostFiles of 32 bytes and kMostNameBytes, 32 MiB. What does not fit is not found, and full() says
// so. Ownership: borrows the base. Threads: one at a time; build() takes as long as a walk through the target.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/rooted_path.h"
#include "common/unique_fd.h"
#include "protocol/messages/job.h"

namespace farhand {

class MovedFiles {
 public:
  static constexpr std::size_t kMostFiles = 256 << 10;
  static constexpr std::size_t kMostNameBytes = 24 << 20;

  explicit MovedFiles(const RootedDirectory& base) : base_(base) {}

  // `stop` gives it up; then nothing is found.
  void build(const std::atomic<bool>& stop);
  [[nodiscard]] bool built() const noexcept { return built_; }
  [[nodiscard]] bool full() const noexcept { return full_; }

  struct Found {
    UniqueFd file;
    struct stat status;
  };
  // A candidate for the content of a new file; it is opened, and is a regular file of that size.
  [[nodiscard]] std::optional<Found> find(const Entry& entry) const;

 private:
  struct File {
    std::uint64_t size;
    std::int64_t modified_seconds;
    std::uint32_t modified_nanoseconds;
    std::uint32_t leaf_begin;  // in its name
    std::uint64_t name;        // where it begins in names_; a zero byte ends it
  };
  static auto order_of(const File& file) noexcept {
    return std::tuple(file.size, file.modified_seconds, file.modified_nanoseconds);
  }
  void add(const Entry& entry);
  [[nodiscard]] std::optional<Found> open(const File& file) const;

  const RootedDirectory& base_;
  bool built_ = false;
  bool full_ = false;
  std::vector<File> files_;  // sorted by size and time
  std::string names_;
};

}  // namespace farhand
