// Exit statuses: from an outcome to the number that rclient ends with. One table, stated in --help and the README.
#pragma once

#include "client/outcome.h"
#include "common/result.h"

namespace farhand {

inline constexpr int kSomeFailedStatus = 1;
inline constexpr int kExecFailureStatus = 255;  // every failure of ours in exec
inline constexpr int kTimedOutStatus = 124;
inline constexpr int kInterruptedStatus = 130;
inline constexpr int kInternalStatus = 255;  // the machine failed, or we did

// For everything but exec.
int status_of(const Error& error) noexcept;
int status_of(const FilesOutcome& outcome) noexcept;

// The remote status; 128+n for signal n; 127 and 126 as a shell has them; 124 if it was ended for its timeout; 130 if
// the user ended us and not the command; 255 for a failure of ours.
int status_of(const ExecOutcome& outcome) noexcept;

}  // namespace farhand
