// The main thread's loop: several servers and the signals in one poll.
//
// The first SIGTERM, SIGINT or SIGHUP: nobody new comes in, idle sessions leave, and running requests end in their own
// time, which is 30 s at most. With the second, running requests end now.
#pragma once

#include <vector>

#include "common/unique_fd.h"
#include "server/drain.h"
#include "server/listeners.h"

namespace farhand {

// Blocks the signals that end the server, for this thread and all that it starts, and gives a descriptor that tells of
// them. Call before any thread is started. SIGPIPE and SIGXFSZ are ignored from then on. Throws std::system_error.
UniqueFd take_over_signals();

// Serves until a signal ends it, and closes the servers.
void serve(std::vector<Listener>& listeners, int signals, Drain& drain);

}  // namespace farhand
