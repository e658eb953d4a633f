// PartFile: the hidden file beside its future name that content is written into; what an earlier transfer has left of
// one is found again.
//
// The part of a large file has a name that follows from the file's, so that the next transfer finds it; it is locked
// (flock) for as long as it is one, and taken over only if it is a regular file of ours with one name that nobody else
// may write. Whoever finds that name taken uses a random one, as small files do: sending those again is cheap.
//
// Content comes in order. A gap before it is a hole, which reads and hashes as zeros.
//
// Ownership: owns its descriptor; removes the file when it goes, unless it was detached, or kept and worth it.
// Threads:   one at a time.
// Errors:    one sentence each. The descriptor's errors are the only ones: no exception for a full disk.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/background.h"
#include "common/hash.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

// Shared, because a part file and the cache of the directory that it is in end at different times.
using SharedDirectory = std::shared_ptr<const UniqueFd>;

inline constexpr std::string_view kPartPrefix = ".farhand-part-";
// Files larger than this have parts that can be continued. 256 KiB take 50 ms at 5 MB/s: less than asking is worth.
inline constexpr std::uint64_t kLeastResumable = 256 << 10;

std::string random_part_name();
std::string resumable_part_name(std::string_view leaf);

// The part of a large file, opened for one of several who write different stretches of it at a time: locked, but shared
// with these (PartFile locks it alone). Made where there is none; nothing if it is not ours, or somebody has it alone.
UniqueFd open_shared_part(int directory, std::string_view leaf);

class PartFile {
 public:
  // `leaf`: the future name, one component. `shown`: for sentences; unescaped.
  static Result<PartFile> make(SharedDirectory directory, const std::string& leaf, std::string shown, bool resumable);
  // What is left of an earlier transfer, and has bytes. hash_kept() comes next.
  static std::optional<PartFile> find(SharedDirectory directory, const std::string& leaf, std::string shown);

  PartFile(PartFile&&) noexcept = default;
  PartFile& operator=(PartFile&&) noexcept;
  ~PartFile();

  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }        // where content goes on
  [[nodiscard]] std::uint64_t length() const noexcept { return length_; }  // of the file; find(): what was left
  [[nodiscard]] HashValue hash() const { return content_.value(); }        // of all up to there
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] bool resumable() const noexcept { return resumable_; }

  // Reads what was found, of any length: for a helper. `stop` gives it up: an error, and all stays as it was found.
  Result<void> hash_kept(const std::atomic<bool>& stop);
  // Reads the first `bytes` of another file in, the same way; its holes stay holes.
  Result<void> copy_from(int file, std::uint64_t bytes, const std::atomic<bool>& stop);
  // Begins anew, with nothing in it.
  Result<void> restart();

  // A hole up to `offset`, which is not below end(). Hashes at most kSkipStep of it a call: true when it is all.
  static constexpr std::uint64_t kSkipStep = 64 << 20;  // some 5 ms
  Result<bool> skip_to(std::uint64_t offset);
  Result<void> append(Bytes bytes);

  // It stays for the next time when this goes, if it is found then and has bytes.
  void set_kept(bool kept) noexcept { kept_ = kept; }

  // All there is to it, for whoever gives it its name or removes it.
  struct Detached {
    std::string name;
    UniqueFd fd;
    SharedDirectory directory;                  // in which it is, whatever that is called by now
    bool resumable = false;                     // its descriptor holds a lock that is needed until it has another name
    std::unique_ptr<BackgroundTask> writeback;  // uses fd
  };
  Detached detach();

 private:
  PartFile(SharedDirectory directory, std::string name, UniqueFd fd, std::string shown, bool resumable);
  void remove() noexcept;
  void begin_writeback();
  [[nodiscard]] Error trouble(int error_number, std::string_view doing) const;

  SharedDirectory directory_;
  std::string name_;  // empty once it is somebody else's
  std::string shown_;
  UniqueFd fd_;
  bool resumable_;
  bool kept_ = false;
  ContentHash content_;
  std::uint64_t end_ = 0;
  std::uint64_t length_ = 0;  // of the file: beyond end_ while a gap is hashed
  std::uint64_t writeback_begun_ = 0;
  std::unique_ptr<BackgroundTask> writeback_;  // last: it uses fd_
};

}  // namespace farhand
