// Identities: made, read, and kept in a private directory.
#include "common/stream/tls_identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <stdexcept>

#include "common/stream/tls_pem_internal.h"
#include "common/stream/tls_pin_internal.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand {
namespace {

// Dates mean nothing where pins count. These two ask no clock, and the second is RFC 5280's for "no end".
constexpr const char* kNotBefore = "20000101000000Z";
constexpr const char* kNotAfter = "99991231235959Z";

constexpr std::size_t kMaxCommonName = 64;  // RFC 5280, ub-common-name

// The name that identities get: a stranger who connects sees it, so it tells nothing.
constexpr std::string_view kIdentityName = "farhand";

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL cannot make an identity: ") + what);
}

std::string as_common_name(std::string_view name) {
  std::string text(name.substr(0, kMaxCommonName));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.empty() ? std::string(kIdentityName) : text;
}

void set_names(X509* certificate, const std::string& name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, bytes, static_cast<int>(name.size()), -1, 0) == 1,
          "name");
  require(X509_set_issuer_name(certificate, subject) == 1, "issuer");
}

void set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "serial");
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1, "serial");
}

CertificatePtr certify(EVP_PKEY* key, const std::string& name) {
  CertificatePtr certificate(X509_new());
  require(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1, "certificate");
  set_serial(certificate.get());
  set_names(certificate.get(), name);
  require(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), kNotBefore) == 1, "date");
  require(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), kNotAfter) == 1, "date");
  require(X509_set_pubkey(certificate.get(), key) == 1, "key");
  require(X509_sign(certificate.get(), key, EVP_sha256()) > 0, "signature");
  return certificate;
}

std::string as_pem(EVP_PKEY* key, X509* certificate) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  require(memory != nullptr, "memory");
  require(PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM");
  require(PEM_write_bio_X509(memory.get(), certificate) == 1, "PEM");
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(count)};
}

}  // namespace

Result<std::string> make_identity(std::string_view name) {
  start_openssl();
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  require(key != nullptr, "P-256 key");
  const CertificatePtr certificate = certify(key.get(), as_common_name(name));
  return as_pem(key.get(), certificate.get());
}

Result<KeyPin> pin_of_identity(std::string_view pem, std::string_view where) {
  return pin_of_pem(Pem(std::string(pem), std::string(where)));
}

Result<std::string> load_or_make_identity(const PrivateDirectory& directory, const std::string& file) {
  auto found = directory.read(file, kPemBytes);
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  TRY_ASSIGN(const UniqueFd lock, directory.lock());
  found = directory.read(file, kPemBytes);  // another process may have been faster
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  TRY_ASSIGN(std::string made, make_identity(kIdentityName));
  TRY(directory.write(file, made));
  return made;
}

}  // namespace farhand
