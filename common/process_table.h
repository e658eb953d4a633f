// The system's processes and their parents, read from /proc: for finding what has come of a process.
//
// Threads: any. Everything here makes system calls only, and leaves errno alone: it may be used in a process that was
//          forked beside threads, or that shares another's memory.
// Errors:  what cannot be read is left out; without /proc there is nothing.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

namespace farhand {

struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  bool ended = false;       // with all of its threads, and not collected
  bool descendant = false;  // set by mark_descendants
};

// As many as there is room for, by their numbers; how many there are in `table` then.
std::size_t read_process_table(std::span<ProcessEntry> table) noexcept;

// In such a table: marks those that descend from `ancestor`, which is not one of them. How many there are.
std::size_t mark_descendants(std::span<ProcessEntry> table, pid_t ancestor) noexcept;

// The process's entry as it is now; pid 0 if there is none.
ProcessEntry read_process(pid_t pid) noexcept;

}  // namespace farhand
