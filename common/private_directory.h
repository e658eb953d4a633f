// PrivateDirectory: where keys, rights and known hosts are kept: a directory that nobody else can write to, and files
// in it that nobody else can read.
//
// Checked: the directory and each of its parents belong to us or to root and are not writable by group or others (a
// sticky directory such as /tmp may be, as a parent): the parents when it is opened, the directory itself at each use
// as well. A file, each time: it is a regular one, ours or root's, has one name, and gives nothing to group or others.
// The sentence that refuses names the path and the chmod or chown that mends it. Neither the directory nor a file may
// be a symbolic link; a link among the parents is followed if it is ours or root's (homes behind a link are common). No
// opening blocks.
//
// A file is replaced whole: a new one under a hidden name, synced, renamed, the directory synced. Whoever reads finds
// the old or the new one, also after a crash. Whoever reads, changes and writes holds lock() meanwhile.
//
// Ownership: owns a descriptor of the directory; names are single components. Threads: const after construction.
// Errors:    kNotFound, kNoPermission (unsafe owner or mode, too), kLimit (too large), kFileTrouble, kNoSpace,
//            kTimedOut (a lock).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/deadline.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

inline constexpr std::size_t kMaxPrivateFileBytes = 1 << 20;  // a rights file of a thousand keys is 200 KiB

class PrivateDirectory {
 public:
  static Result<PrivateDirectory> open(const std::string& path);
  // Makes what is missing, with mode 0700.
  static Result<PrivateDirectory> open_or_make(const std::string& path);

  [[nodiscard]] Result<std::string> read(const std::string& name, std::size_t most = kMaxPrivateFileBytes) const;
  // With mode 0600. `published` is set once the name has the new content, also if what comes after that fails.
  [[nodiscard]] Result<void> write(const std::string& name, std::string_view content, bool* published = nullptr) const;
  [[nodiscard]] Result<void> remove(const std::string& name) const;  // synced
  // Gives a file another name in this directory, synced; kNotFound if it is gone: of several that try one succeeds.
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) const;
  [[nodiscard]] Result<std::vector<std::string>> names() const;  // regular files that are not hidden, sorted

  // Waits for the one lock of this directory; it is held while the descriptor lives. Only this user and root can hold
  // it, and nothing slow is done under it, so whoever holds it for kLockPatience has been stopped: kTimedOut. What
  // writers that were killed have left is taken away.
  static constexpr std::chrono::seconds kLockPatience{5};  // half of what a stranger has until login
  [[nodiscard]] Result<UniqueFd> lock(Deadline deadline = Deadline::after(kLockPatience)) const;

  // Whether this is still the directory that its path leads to, and has not been moved, removed or replaced.
  [[nodiscard]] bool is_current() const noexcept;

  // For what is no file, such as a socket; borrowed.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }

 private:
  [[nodiscard]] Result<void> check() const;  // the directory's owner and mode as they are now
  PrivateDirectory(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

}  // namespace farhand
