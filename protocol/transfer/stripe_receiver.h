// The receiving side of one stretch of a file: says what is there of it, writes what comes, and compares.
//
//     look_at(channel, part)     before anything is said of it
//     receive_stretch(...)       says the verdict, and hears to the sender's `finish`
//     say_stretch_end(...)       ours: to be said when the part is no longer held
//
// Ownership: borrows for the call. Threads: one; hashing what is there runs on a helper.
// Errors:    outer: the connection, or the peer broke the protocol. Inner: the stretch cannot be stored, or its sender
//            has failed: nothing has been said of that, and what the peer still says, up to its `finish`, is
//            discard_job()'s; unless it is `remote`, an `error` of the peer's, after which nothing comes.
#pragma once

#include "common/result.h"
#include "protocol/channel.h"
#include "protocol/transfer/stripe_part.h"
#include "protocol/transfer/stripe_sender.h"

namespace farhand {

Result<Result<void>> look_at(Channel& channel, StripePart& part);

Result<Result<StretchEnd>> receive_stretch(Channel& channel, StripePart& part, const Moved& moved);

void say_stretch_end(Channel& channel, const StretchEnd& end);
// A client's early last word; the server's is an `error`.
void say_stretch_failed(Channel& channel, const Error& why);

// A file of that size and time is there: nothing is needed of it. To the end of the conversation about it.
Result<StretchEnd> decline_stretch(Channel& channel);

}  // namespace farhand
