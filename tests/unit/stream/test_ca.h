// A throw-away CA that issues certificates, good ones and flawed ones.
#pragma once

#include <string>
#include <vector>

#include "common/stream/tls_context.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand::test {

// What is to be issued; the defaults make a sound certificate for either side.
struct Wanted {
  std::string subject = "CN=alice,O=Example";   // RFC 2253, of CN, O and OU only
  std::string names = "DNS:localhost";          // the extension subjectAltName; empty: none
  std::string usage = "serverAuth,clientAuth";  // extendedKeyUsage; empty: none
  bool expired = false;
  bool is_ca = false;
  int rsa_bits = 0;  // 0: P-256
};

class TestCa {
 public:
  // Writes `<directory>/<name>.pem`.
  TestCa(std::string directory, const std::string& name);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }

  // A key with the certificate that this CA has signed, and behind it the CA's own if it is not at the top.
  [[nodiscard]] TlsIdentity issue(const Wanted& wanted) const;
  // A CA below this one; or one that this one never made a CA.
  [[nodiscard]] TestCa below(const std::string& name) const;
  [[nodiscard]] TestCa pretender(const std::string& name) const;
  // A certificate alone, for a key of the caller's.
  [[nodiscard]] CertificatePtr certify(EVP_PKEY* key, const Wanted& wanted) const;
  [[nodiscard]] X509* certificate() const noexcept { return certificate_.get(); }

 private:
  TestCa(std::string directory, const std::string& name, const TestCa* above, bool is_ca);
  std::string directory_;
  std::string file_;
  KeyPtr key_;
  CertificatePtr certificate_;
  std::string chain_;  // PEM of this one and those above it but for the top
};

}  // namespace farhand::test
