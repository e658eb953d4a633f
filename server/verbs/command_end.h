// How a command is ended whose client has gone: HUP, TERM, KILL to its process group, within 10 s.
#pragma once

#include "common/event_fd.h"
#include "common/spawn.h"

namespace farhand {

// Returns when the group is empty, after KILL at the latest. With `hurry` rung the pauses shrink to nothing.
void end_command(Child& child, const EventFd& hurry);

}  // namespace farhand
