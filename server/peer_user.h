// Whose process is at the other end of a local connection, asked of the kernel.
#pragma once

#include <sys/types.h>

#include <optional>

#include "common/result.h"

namespace farhand {

struct PeerCredentials {
  uid_t user = 0;
  pid_t process = 0;
};

// Over a Unix socket: SO_PEERCRED, as of connect(2). Throws std::system_error if `socket` is none.
PeerCredentials unix_peer(int socket);

// Over TCP between two addresses of this machine: the kernel's socket diagnostics tell who owns the other end. Nothing
// if the other end is not there any more, or not on this machine. Throws std::system_error without diagnostics.
std::optional<uid_t> loopback_peer_user(int socket);

}  // namespace farhand
