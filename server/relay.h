// Relay: bytes between a client's stream and a worker's socket, both ways, through bounded buffers.
//
// Ends are kept as they are: the client's proper end becomes the worker's half-close and the other way round, and a
// client that is lost shows at the worker as a socket that is closed whole (RelayedStream tells the two apart).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/stream/stream.h"
#include "common/unique_fd.h"

namespace farhand {

// As long as a silent peer counts as alive: so long a client may take for what a worker has said last.
inline constexpr std::chrono::seconds kLastBytesTime{15};

// Returns when both are done with each other, or one is lost. `worker` must not block.
void relay(Stream& client, const UniqueFd& worker, std::chrono::milliseconds last_bytes = kLastBytesTime);

// The worker's side.
std::unique_ptr<Stream> make_relayed_stream(UniqueFd gate);

// A stream some of whose bytes have been read already.
std::unique_ptr<Stream> make_prefixed_stream(std::string prefix, std::unique_ptr<Stream> rest);

}  // namespace farhand
