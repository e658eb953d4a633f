// Whether a connection is shared, under which name, and for how long it stays: from the options, what is configured,
// and whom the connection is to.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "client/command_line.h"
#include "client/configuration.h"
#include "client/target.h"

namespace farhand {

struct SharingPlan {
  std::string name;               // of the keeper's socket: server_mark() comes first
  std::chrono::seconds stays{0};  // how long a connection stays that nobody uses; 0: none is left behind
};

// What the names of all keepers of a server begin with, and nobody else's: whatever address, user, own key or version
// their connections have. A server is who it proves to be, or, without TLS, where it is.
std::string server_mark(const Host& host, const std::optional<ServerTrust>& trust);

// Nothing: it is shared with nobody. So it is with a local socket, which has no handshake to be spared, and until the
// user's own key has been made. Two connections have the same name only if either could be the other: the same address
// in the same network, the same trust, user and own key (as its files are now), and the same version of this program.
std::optional<SharingPlan> plan_sharing(const Target& target, const ClientOptions& options,
                                        const ClientConfiguration& configuration);

}  // namespace farhand
