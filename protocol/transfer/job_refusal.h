// What a job's receiver does with frames that end a job, or are none of it.
//
// Threads: one at a time.
#pragma once

#include "common/result.h"
#include "protocol/channel.h"

namespace farhand {

// A frame that has no place in a job.
Error unexpected_frame(const Incoming& incoming);
// What an `error` frame says; `remote`.
Error error_of_peer(const Incoming& incoming);

}  // namespace farhand
