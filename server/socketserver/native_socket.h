// The native calls that every kind of server makes its socket with.
//
// Asio's sockets are not close-on-exec from birth, and a command started on another thread at that moment would inherit
// them.
//
// Errors: std::system_error with the call's name.
#pragma once

#include "common/unique_fd.h"
#include "server/socketserver/address.h"

namespace socketserver {

// A new socket, close-on-exec. `type` may carry SOCK_NONBLOCK.
[[nodiscard]] farhand::UniqueFd make_socket(int family, int type);

// Where it is bound, with the port that the kernel chose.
[[nodiscard]] Address bound_address(int fd);

}  // namespace socketserver
