// The main thread's loop: several servers, the keys' file, the keys' expiry and the signals in one poll.
//
// SIGHUP: keys.toml is read again and the audit's file opened again. (Where it means that the terminal we were started
// at is gone, it ends us as SIGTERM does.) The first SIGTERM or SIGINT: nobody new comes in, idle sessions leave, and
// running requests end in their own time, which is 30 s at most. With the second, running requests end now.
#pragma once

#include <functional>
#include <vector>

#include "common/unique_fd.h"
#include "server/listeners.h"
#include "server/service.h"

namespace farhand {

struct Signals {
  UniqueFd fd;               // readable when one has come
  bool at_terminal = false;  // we were started at a terminal, whose end SIGHUP may tell of
};

// Blocks the signals that end the server, for this thread and all that it starts. Call before any thread is started,
// and before anybody is told that we are ready. SIGPIPE and SIGXFSZ are ignored from then on. Throws std::system_error.
Signals take_over_signals();

// Serves until a signal ends it, and closes the servers. `keys` may be null, and `processes` is where there are none.
// `ready` is called when everything is open that stays open.
void serve(std::vector<Listener>& listeners, const Signals& signals, Service& service, KeyStore* keys,
           SessionProcesses* processes, const std::function<void()>& ready);

}  // namespace farhand
