// create_connection: a client's connection, as Python's socket.create_connection: for programs that talk to a server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/export.h"
#include "server/socketserver/address.h"
#include "server/socketserver/stream_request.h"

namespace socketserver {

// Connects, at most for `timeout`, which also becomes the connection's (settimeout). Throws std::system_error with the
// address in its text.
[[nodiscard]] FARHAND_API std::unique_ptr<StreamRequest> create_connection(
    const Address& server, std::optional<std::chrono::milliseconds> timeout = std::nullopt);

}  // namespace socketserver
