// Pins in OpenSSL's terms, for the tls_*.cpp files only.
#pragma once

#include <string>

#include "common/stream/tls_context.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand {

// Before anything else of OpenSSL's: keeps it from reading openssl.cnf, which could change our rules and costs time,
// and from giving back piece by piece, when the process ends, the memory that ends with it.
void start_openssl();

// SHA-256 over the DER of the certificate's SubjectPublicKeyInfo; nothing if it has none that can be encoded.
std::optional<KeyPin> pin_of_certificate(const X509* certificate) noexcept;

// The pin of the first certificate in a text.
class Pem;
Result<KeyPin> pin_of_pem(const Pem& pem);

}  // namespace farhand
