// Throw-away keys with self-signed certificates, made in the test's own directory.
#pragma once

#include <string>

#include "common/stream/tls_context.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand::test {

enum class KeyKind { kEd25519, kP256, kRsa2048 };

struct TestKey {
  TlsFiles files;
  KeyPin pin;
};

// Writes `<directory>/<name>.crt` and `.key`.
TestKey make_test_key(const std::string& directory, const std::string& name, KeyKind kind);

// Rewrites its `.key` in the form that older programs write, which is another for each kind of key. Not for Ed25519.
void rewrite_in_old_form(const TestKey& key);

// An RSA key of `bits` bits without the minutes that finding its primes would take: modulus and exponents are random,
// so that its signatures are worthless. Its certificate is signed by another key.
struct FakeRsa {
  CertificatePtr certificate;
  KeyPtr key;
};
FakeRsa make_fake_rsa(int bits);

}  // namespace farhand::test
