// How a command is ended whose client has gone, or whose time is over: what its process group is sent, and when.
#pragma once

#include <optional>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "common/spawn.h"

namespace farhand {

// For a client that has gone: HUP, TERM, KILL, within 10 s. Returns when the group is empty, after KILL at the latest.
// With `hurry` rung the pauses shrink to nothing. What became of the main process; nothing if it could not be ended.
// `job`: another process group that goes the same way, the one that had the child's terminal; 0 for none.
std::optional<ExitStatus> end_command(Child& child, const EventFd& hurry, pid_t job = 0);

// For a group that has been told to end and whose main process has: waits until it is empty, and kills it at the
// deadline, or with `hurry` rung.
void end_rest(const Child& child, Deadline grace, const EventFd& hurry);

// Gives up a command that KILL did not end: it runs as somebody else (sudo), or the kernel holds it.
void leave_alone(Child& child);

}  // namespace farhand
