// The processes that a process has started, and those that these have: for ending them with it.
//
// One that has been left by its parent (a double fork) belongs to init or to a guardian above it, and is found only as
// the guardian's.
#pragma once

#include <vector>

#include "common/unique_fd.h"

namespace farhand {

// Of the process that `pidfd` stands for: the pidfds of all of its descendants, as they are at this moment. A process
// number that has been given to somebody else meanwhile is noticed. Never throws: what cannot be read is left out.
std::vector<UniqueFd> descendants_of(int pidfd) noexcept;

}  // namespace farhand
