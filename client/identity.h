// The client's own identity and directory: ~/.config/farhand (common/paths.h) and rclient.pem in it.
#pragma once

#include <string>

#include "common/private_directory.h"
#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

// Made when it is missing.
Result<PrivateDirectory> open_client_directory();

// The key and certificate that this user shows to servers; made on first use.
Result<TlsIdentity> client_identity();

// What this client calls itself when it pairs: user@machine. For people; nothing is decided by it.
std::string client_name();

}  // namespace farhand
