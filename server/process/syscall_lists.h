// Which system calls a confined process needs, by what it does. Data; syscall_filter.h makes programs of it.
//
// The run-times of AddressSanitizer and ThreadSanitizer need nothing more (GCC 12, seen with strace): only their
// reports lack what they would read from /proc, the names of functions.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "server/process/syscall_filter.h"

namespace farhand {

// For a session that transfers files and runs nothing: files by descriptors and by names, its connection, threads of
// its own. No new programs, processes, or sockets; no executable memory; no change of modes, owners or times by name,
// which Landlock does not know. `self`: signals to this process only (abort).
std::vector<PermittedCall> transfer_calls(pid_t self);

// For whoever talks to strangers before login: the connection that is open already, and nothing else. No names of
// files, no threads.
std::vector<PermittedCall> gate_calls(pid_t self);

// Calls whose older forms are permitted and whose arguments a filter cannot see: they answer ENOSYS.
std::span<const long> superseding_calls() noexcept;

}  // namespace farhand
