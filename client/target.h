// Target: whom the options mean: from -H to an address, and whom to take for the server there.
//
//   -H ALIAS          a host of hosts.toml                    its address and its key or CA
//   -H HOST[:PORT]    an address that a known host has        that host's key or CA
//   --tls-server-pin, --ca [--verify-name]                    what they say; hosts.toml is not looked at
#pragma once

#include <optional>
#include <string>

#include "client/command_line.h"
#include "client/known_hosts.h"
#include "common/host.h"
#include "common/result.h"

namespace farhand {

struct Target {
  Host host;
  std::optional<ServerTrust> trust;  // under TLS, always
  std::string alias;                 // of the known host; else empty
};

// Reads hosts.toml where it matters; nothing is connected. kUsage for an address that nobody has paired with.
Result<Target> find_target(const ClientOptions& options);

// The key that this side shows: of --tls-cert and --tls-key, else the user's own.
Result<TlsContext> client_context(const TlsFiles& files, const ServerTrust& trust);

}  // namespace farhand
