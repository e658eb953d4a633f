// The walk: resolves a name beneath a directory without openat2(2), component by component, with equal results.
#pragma once

#include <string>

#include "common/unique_fd.h"

namespace farhand {

// A descriptor, or the errno value that says why there is none.
struct Opened {
  UniqueFd fd;
  int error = 0;
};

// What becomes of symbolic links on the way.
enum class Links {
  kInside,   // followed, as long as they lead to something inside
  kRefused,  // ELOOP, as RESOLVE_NO_SYMLINKS has it; the last component may be one with O_PATH | O_NOFOLLOW
};

// Opens `name` (relative, not empty, no zero byte) beneath the directory `root`. `flags` as open(2) has them, without
// O_CREAT. The outcome is what openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS gives for the same flags; two of
// the kernel's own restrictions on links are not looked at (fs.protected_symlinks, and mounts with nosymfollow).
//
// Descriptors: one per level of the name is held for as long as the walk takes.
Opened open_by_walk(int root, const std::string& name, int flags, Links links = Links::kInside);

}  // namespace farhand
