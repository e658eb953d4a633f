// How a command is ended whose client has gone, or whose time is over: everybody who has come of it.
#pragma once

#include <optional>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "common/guarded_child.h"
#include "server/verbs/command_terminal.h"

namespace farhand {

// For a client that has gone: HUP, TERM, KILL, within 10 s. Returns when nobody is left, after KILL at the latest. With
// `hurry` rung the pauses shrink to nothing. What became of the main process; nothing if it could not be ended.
std::optional<ExitStatus> end_command(GuardedChild& child, const EventFd& hurry);

// The same for a command whose terminal is hung up: its own process group and the one in the foreground are ended; what
// was taken away from the terminal on purpose stays.
std::optional<ExitStatus> hang_up_command(GuardedChild& child, CommandTerminal& terminal, const EventFd& hurry);

// For a command that has been told to end and whose main process has: waits until nobody is left, and kills who is at
// the deadline, or with `hurry` rung.
void end_rest(GuardedChild& child, Deadline grace, const EventFd& hurry);

// Gives up a command that KILL did not end: it runs as somebody else (sudo), or the kernel holds it.
void leave_alone(GuardedChild& child);

}  // namespace farhand
