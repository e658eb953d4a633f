// FileReader: one file's content in order, its holes left out and all of it hashed. It says nothing to anybody.
//
//     while ((next = reader.advance()) != Next::kEnd) {
//       if (next == Next::kData) reader.read(room for at most reader.piece_bytes());   // stands at reader.offset()
//     }
//     reader.seal()                                                                    // what it was, or why not
//
// A file whose size is 0, as under /proc, is read until it ends.
//
// Ownership: owns the file. Threads: one at a time; begins_with may run on a helper.
// Errors:    a failed reading ends the content, and seal() tells it.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "common/hash.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/messages/file.h"

namespace farhand {

class FileReader {
 public:
  // kIsDirectory or kNotRegular for what is no regular file. `shown` is for sentences, unescaped.
  static Result<FileReader> begin(UniqueFd file, std::string shown);

  // From now on its content is only what stands in this stretch of it, which lies within it; before anything is read.
  void keep_to(std::uint64_t offset, std::uint64_t length);

  // Whether the file's first `bytes` hash to `hash`. Then what follows stands at that offset, and seal() covers them
  // too; else everything is as before. `stop` gives it up (false).
  bool begins_with(std::uint64_t bytes, const HashValue& hash, const std::atomic<bool>& stop);

  enum class Next {
    kData,     // at offset()
    kPassing,  // a stretch of a hole was passed; ask again
    kEnd,
  };
  Next advance();
  [[nodiscard]] std::uint64_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t piece_bytes() const noexcept;  // how much to read at a time, at most; after kData
  std::size_t read(MutableBytes into);                     // 0: it has ended or failed

  [[nodiscard]] std::uint64_t listed_bytes() const noexcept { return static_cast<std::uint64_t>(at_start_.st_size); }
  // Complete, or failed with the reason: unreadable, or it did not hold still. After the end.
  [[nodiscard]] Seal seal() const;

 private:
  FileReader(UniqueFd file, std::string shown, const struct stat& status);
  void restart();
  void find_extent();
  void pass_hole();
  [[nodiscard]] bool held_still(const struct stat& now) const;

  UniqueFd file_;
  std::string shown_;
  struct stat at_start_;
  bool has_holes_;
  std::uint64_t first_ = 0;       // where its content begins
  std::uint64_t last_ = 0;        // and ends; of a file without a size that is not known
  std::uint64_t limit_ = 0;       // how far it is read
  std::uint64_t at_ = 0;          // everything before it is in hash_
  std::uint64_t data_begin_ = 0;  // the data from here ...
  std::uint64_t data_end_ = 0;    // ... to there are next; a hole is before
  bool at_end_ = false;
  int read_error_ = 0;
  ContentHash hash_;
};

}  // namespace farhand
