// PlainStream: a Stream over a connected TCP or Unix socket as it is.
#pragma once

#include <memory>

#include "common/stream/stream.h"
#include "common/unique_fd.h"

namespace farhand {

// Takes over `socket` (a connected stream socket), makes it non-blocking and, over TCP, switches Nagle's algorithm off.
// Throws std::system_error if the descriptor is no socket.
std::unique_ptr<Stream> make_plain_stream(UniqueFd socket);

}  // namespace farhand
