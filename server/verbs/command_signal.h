// What a client asks of a command that runs, by `signal` frames. Pure.
#pragma once

#include "common/result.h"
#include "protocol/channel.h"
#include "protocol/frame_reader.h"

namespace farhand {

// The number of the signal that a `signal` frame names; kProtocol for a name that clients may not send.
Result<int> signal_of(const Incoming& frame);

// What is sent to a process group that has no terminal: for TSTP it is STOP, since the kernel stops no group by TSTP
// whose parents are all of other sessions, as ours are.
int without_terminal(int signal_number) noexcept;

// `stdin`, `signal` and `resize` of a command that has ended already: read as strictly as before it had, and thrown
// away. False: it is none of these, and nothing was taken.
Result<bool> discard_late(Channel& channel, const Incoming& frame);

}  // namespace farhand
