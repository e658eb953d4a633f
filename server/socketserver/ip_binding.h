// How TCPServer and UDPServer bind: the family, the options of the socket, the address.
//
// Errors: std::system_error that names the address; EAFNOSUPPORT for an address of another family.
#pragma once

#include "common/unique_fd.h"
#include "server/socketserver/address.h"
#include "server/socketserver/options.h"

namespace socketserver {

// The options with what they leave open settled. `type` is the class's own socket type, `reuse_address` its own choice.
[[nodiscard]] ServerOptions ip_options(ServerOptions options, const Address& address, int type, bool reuse_address);

// "" stands for any address; of which family, the option says.
[[nodiscard]] Address in_family(const Address& address, int family);

// A new socket bound to `wanted`. `flags` are socket(2)'s, such as SOCK_NONBLOCK.
[[nodiscard]] farhand::UniqueFd bind_ip(const Address& wanted, const ServerOptions& options, int flags);

}  // namespace socketserver
