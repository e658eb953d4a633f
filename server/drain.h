// Drain: how a stopping server tells its sessions. Two descriptors that are only ever rung, never cleared, so that
// every poll that watches one wakes.
//
// Threads: rung by the main thread, watched by all.
#pragma once

#include "common/event_fd.h"

namespace farhand {

struct Drain {
  EventFd stop;   // no new requests: idle sessions leave, running requests end in their own time
  EventFd abort;  // running requests end now
};

}  // namespace farhand
