// create_connection: a client's connection, as Python's socket.create_connection: for programs that talk to a server.
// Ownership: the caller owns the connection. Threads: any; it waits.
// Errors:    std::system_error; ETIMEDOUT when the timeout has passed.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/export.h"
#include "server/socketserver/address.h"
#include "server/socketserver/stream_request.h"

namespace socketserver {

// Connects, at most for `timeout`, which also becomes the connection's (settimeout). Throws std::system_error with the
// address in its text. An Address is one address: Address::parse resolves a name to its first, and where a server has
// several (IPv6 and IPv4) the caller tries them in turn; Python's does so by itself.
[[nodiscard]] FARHAND_API std::unique_ptr<StreamRequest> create_connection(
    const Address& server, std::optional<std::chrono::milliseconds> timeout = std::nullopt);

}  // namespace socketserver
