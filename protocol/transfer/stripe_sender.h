// The sending side of one stretch of a file: hears what the receiver has of it, says the rest, and its end.
//
// Ownership: borrows the channel for the call. Threads: one; hashing what the receiver has runs on a helper.
// Errors:    outer: the connection, or the peer broke the protocol. Inner: this stretch cannot be had (the file cannot
//            be read or is another one by now, or the peer has refused it: then `remote`); the connection lives on,
//            unless the conversation has ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/rate_limit.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/channel.h"
#include "protocol/messages/stripe.h"

namespace farhand {

// How a stretch went.
struct StretchEnd {
  bool needed = true;        // false: the receiver has a file of this size and time
  std::uint64_t bytes = 0;   // that went over the wire
  std::uint64_t spared = 0;  // that were there already
};

struct StretchSource {
  UniqueFd file;
  std::string shown;  // for sentences; unescaped
  Stretch stretch;
};

// Told of bytes as they are sent or come.
using Moved = std::function<void(std::uint64_t)>;

// The request has been said. `limit`: null: no bound.
Result<Result<StretchEnd>> send_stretch(Channel& channel, StretchSource source, const Moved& moved,
                                        RateLimit* limit = nullptr);

}  // namespace farhand
