// Opens client sockets: TCP by host and port, trying every address, and Unix sockets by path.
//
// Errors: kCannotConnect, and the sentence distinguishes "cannot find host", "refused", "no answer within N s".
#pragma once

#include <cstdint>
#include <string>

#include "common/deadline.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

enum class AddressFamily : std::uint8_t { kAny, kV4, kV6 };

// Tries each address of `host`, of that family, in the resolver's order until one accepts; an address that does not
// answer takes at most an equal share of the time left. The socket is non-blocking and close-on-exec.
Result<UniqueFd> connect_tcp(const std::string& host, std::uint16_t port, Deadline deadline,
                             AddressFamily family = AddressFamily::kAny);

// `path` may be longer than sun_path allows (108 bytes): it is then reached through /proc/self/fd.
Result<UniqueFd> connect_unix(const std::string& path, Deadline deadline);

}  // namespace farhand
