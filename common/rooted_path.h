// RootedDirectory: the one module that turns a name into a file. Nothing else opens by path what a peer has named.
//
// A name is relative to the root, or absolute and under it (compared by text, on whole components). Resolution never
// leaves the root: not by "..", not by an absolute name, not through a symbolic link, and not by a directory that is
// swapped for a link meanwhile. Links inside the root that stay inside work; a link whose target is absolute is refused
// even if it would lead back in (that is RESOLVE_BENEATH's rule, and the walk does the same).
//
// openat2(2) with RESOLVE_BENEATH does the work where the kernel has it; where it has not (ENOSYS, or EPERM from a
// sandbox), a walk with O_NOFOLLOW resolves component by component, with equal results.
//
// Names are bytes. A zero byte or more than kMaxNameBytes is refused. Open calls never block on a pipe and never take a
// terminal (O_NONBLOCK, O_NOCTTY), and every descriptor is close-on-exec.
//
// Threads: const after construction; any number of threads may use it.
// Errors:  kOutsideRoot, kNotFound, kNoPermission, ...; the message is a whole sentence that shows the name, escaped.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/rooted_walk.h"
#include "common/unique_fd.h"

namespace farhand {

inline constexpr std::size_t kMaxNameBytes = 4096;      // PATH_MAX; as the protocol's limit for names
inline constexpr std::size_t kMaxComponentBytes = 255;  // NAME_MAX of every usual file system

// A directory and a name in it that has not been followed: what create, rename and unlink work on.
struct ParentAndLeaf {
  UniqueFd parent;
  std::string leaf;  // one component; never empty, ".", ".."
};

class RootedDirectory {
 public:
  // How names are resolved; kAutomatic is for everybody, the others are for tests.
  enum class Method { kAutomatic, kOpenat2, kWalk };

  // Pins the directory `path` by a descriptor. Its canonical path is what absolute names are compared with.
  static Result<RootedDirectory> open(const std::string& path, Method method = Method::kAutomatic);

  // Opens what `name` leads to, links inside the root followed. `flags` as open(2) has them, without O_CREAT.
  [[nodiscard]] Result<UniqueFd> open_existing(std::string_view name, int flags) const;

  // The same, with no link followed at all, wherever it leads: for names that a walk has found or a peer made up. Of a
  // link itself with O_PATH | O_NOFOLLOW; else kNotFound, kFileTrouble, ... as the kernel has it.
  [[nodiscard]] Result<UniqueFd> open_plain(std::string_view name, int flags) const;

  // A directory that was opened beneath this one, as a root of its own. `path` is what absolute names are compared
  // with.
  [[nodiscard]] RootedDirectory at(UniqueFd directory, std::string path) const;

  // Opens the directory in which `name` would stand (for reading where that is permitted, so that it can be synced;
  // else with O_PATH), and gives its last component unfollowed. A trailing slash, an empty name, "." and ".." as the
  // last component are refused (kUsage): they name no file that could be made.
  [[nodiscard]] Result<ParentAndLeaf> open_parent(std::string_view name) const;

  // `name` as relative to the root: an absolute one loses the root's path. No file is touched.
  [[nodiscard]] Result<std::string> relative(std::string_view name) const;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  RootedDirectory(UniqueFd fd, std::string path, Method method);
  [[nodiscard]] Result<UniqueFd> open_with(std::string_view name, int flags, Links links) const;
  UniqueFd fd_;
  std::string path_;
  Method method_;
};

}  // namespace farhand
