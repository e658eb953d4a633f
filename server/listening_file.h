// The file `listening` in the configuration directory: where the running server can be reached, for `rserver invite`.
//
// Format: a first line "PID STARTED", the process and when it began (field 22 of /proc/PID/stat), so that what a killed
//         server has left is known for that; then the server's pin; then a line per address, as rclient takes it.
#pragma once

#include <vector>

#include "common/host.h"
#include "common/private_directory.h"
#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

struct ServerListening {
  KeyPin pin{};
  std::vector<Host> hosts;  // that take keys
};

// The latest server of a directory counts.
Result<void> announce_listening(const PrivateDirectory& directory, const ServerListening& listening);
void withdraw_listening(const PrivateDirectory& directory);  // ours only

// kNotFound: no server of this directory is running.
Result<ServerListening> server_listening(const PrivateDirectory& directory);

// The address for other machines: an "any" address becomes this machine's first global address, or else its name.
Host reachable(const Host& host);

}  // namespace farhand
