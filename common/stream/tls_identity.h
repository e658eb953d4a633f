// An identity: a P-256 key and the self-signed certificate that shows it, in one PEM text, so that both are always
// replaced together.
//
// P-256 and not Ed25519: with OpenSSL 3.0 on x86-64 it signs and verifies about 1.5 times as fast
// (`openssl speed ecdsap256 ed25519`), and each login takes one of either on both sides.
#pragma once

#include <string>
#include <string_view>

#include "common/private_directory.h"
#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

// A new identity. `name` becomes the certificate's common name; nothing is decided by it.
Result<std::string> make_identity(std::string_view name);

// The pin of the certificate in a PEM text. `where` names the text in errors.
Result<KeyPin> pin_of_identity(std::string_view pem, std::string_view where);

// The identity in `directory` under `file`, made on first use. Of two processes that make it at once both get the same.
Result<std::string> load_or_make_identity(const PrivateDirectory& directory, const std::string& file);

}  // namespace farhand
