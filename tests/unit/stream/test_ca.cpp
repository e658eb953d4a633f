// Certificates by a CA.
#include "tests/unit/stream/test_ca.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/random.h"

namespace farhand::test {
namespace {

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

KeyPtr new_key() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  check(key != nullptr, "keygen");
  return key;
}

// "CN=alice,O=Example": the last part comes first in the certificate.
void set_subject(X509* certificate, const std::string& subject) {
  std::vector<std::string> parts;
  std::istringstream words(subject);
  for (std::string part; std::getline(words, part, ',');) parts.insert(parts.begin(), part);
  for (const std::string& part : parts) {
    const auto equals = part.find('=');
    const std::string value = part.substr(equals + 1);
    check(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), part.substr(0, equals).c_str(), MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0) == 1,
          "subject");
  }
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
}

template <class Write>
std::string pem_of(Write write) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  check(write(memory.get()) == 1, "PEM");
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(count)};
}

std::string pem_of_certificate(X509* certificate) {
  return pem_of([&](BIO* into) { return PEM_write_bio_X509(into, certificate); });
}

// All but issuer and signature.
CertificatePtr prepare(EVP_PKEY* key, const Wanted& wanted) {
  CertificatePtr made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(made.get()), std::stol(random_hex(4), nullptr, 16));
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), wanted.expired ? -3600 : 3600);
  X509_set_pubkey(made.get(), key);
  set_subject(made.get(), wanted.subject);
  add_extension(made.get(), NID_basic_constraints, wanted.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!wanted.is_ca && !wanted.names.empty()) add_extension(made.get(), NID_subject_alt_name, wanted.names);
  if (!wanted.is_ca && !wanted.usage.empty()) add_extension(made.get(), NID_ext_key_usage, wanted.usage);
  return made;
}

}  // namespace

TestCa::TestCa(std::string directory, const std::string& name) : TestCa(std::move(directory), name, nullptr, true) {}

TestCa::TestCa(std::string directory, const std::string& name, const TestCa* above, bool is_ca)
    : directory_(std::move(directory)), file_(directory_ + "/" + name + ".pem"), key_(new_key()) {
  Wanted wanted;
  wanted.subject = "CN=" + name;
  wanted.is_ca = is_ca;
  if (above != nullptr) {
    certificate_ = above->certify(key_.get(), wanted);
    chain_ = pem_of_certificate(certificate_.get()) + above->chain_;
  } else {
    certificate_ = prepare(key_.get(), wanted);
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    check(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0, "sign");
  }
  std::ofstream(file_) << pem_of_certificate(certificate_.get());
}

CertificatePtr TestCa::certify(EVP_PKEY* key, const Wanted& wanted) const {
  CertificatePtr made = prepare(key, wanted);
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  check(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0, "sign");
  return made;
}

TlsIdentity TestCa::issue(const Wanted& wanted) const {
  const KeyPtr key =
      wanted.rsa_bits == 0
          ? new_key()
          : KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(wanted.rsa_bits)));
  const CertificatePtr certificate = certify(key.get(), wanted);
  const std::string secret = pem_of(
      [&](BIO* into) { return PEM_write_bio_PKCS8PrivateKey(into, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return {secret + pem_of_certificate(certificate.get()) + chain_, "the test's identity"};
}

TestCa TestCa::below(const std::string& name) const {
  return {directory_, name, this, true};
}

TestCa TestCa::pretender(const std::string& name) const {
  return {directory_, name, this, false};
}

}  // namespace farhand::test
