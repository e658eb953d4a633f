// The sending side of a job: entries from a TreeWalk, content from the files when the receiver wants them.
//
// Nothing waits for a round trip: up to kMostUnjudged entries are listed ahead of the verdicts, and content flows as
// soon as the first verdict says that it is needed. Memory is bounded by that, not by the tree.
//
// A file is read once, in order, its holes left out, and hashed on the way; one that does not hold still, vanishes or
// cannot be read is closed as failed, and the job goes on.
//
// Ownership: borrows everything for the call. Threads: one; long hashing runs on a helper meanwhile.
// Errors:    outer: the connection, or the peer broke the protocol (kProtocol). An `error` frame of the peer's is an
//            Error with `remote`; the job is over then, our `finish` has been queued if it may still be said, and the
//            connection lives on, unless it closes. A receiver that says `finish` early has broken the job off: an
//            outcome with both ends incomplete. One that calls a job complete and has not said of each entry that it is
//            settled has broken the protocol.
#pragma once

#include "common/rate_limit.h"
#include "common/result.h"
#include "protocol/channel.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {

// `limit`: how fast content is sent at most, as it goes over the wire; null: no bound. `packs`: what shrinks goes
// packed.
Result<JobOutcome> send_job(Channel& channel, TreeWalk& walk, JobObserver& observer, RateLimit* limit = nullptr,
                            bool packs = false);

}  // namespace farhand
