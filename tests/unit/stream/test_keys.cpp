// Throw-away keys with self-signed certificates.
#include "tests/unit/stream/test_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

#include "common/stream/tls_ptr_internal.h"

namespace farhand::test {
namespace {

using FilePtr = std::unique_ptr<std::FILE, OpensslFree<&std::fclose>>;

void check(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

KeyPtr generate(KeyKind kind) {
  switch (kind) {
    case KeyKind::kEd25519:
      return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyKind::kP256:
      return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case KeyKind::kRsa2048:
      return KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  }
  return nullptr;
}

CertificatePtr certify(EVP_PKEY* key, EVP_PKEY* signer) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  // Long over: the dates of certificates must not matter.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), -3600);
  X509_set_pubkey(certificate.get(), key);
  const bool plain_digest = EVP_PKEY_get_base_id(signer) != EVP_PKEY_ED25519;
  check(X509_sign(certificate.get(), signer, plain_digest ? EVP_sha256() : nullptr) > 0, "X509_sign");
  return certificate;
}

void write_certificate(const std::string& path, X509* certificate) {
  const FilePtr file(std::fopen(path.c_str(), "w"));
  check(file && PEM_write_X509(file.get(), certificate) == 1, "PEM_write_X509");
}

}  // namespace

TestKey make_test_key(const std::string& directory, const std::string& name, KeyKind kind) {
  const KeyPtr key = generate(kind);
  check(key != nullptr, "keygen");
  const std::string base = directory + "/" + name;
  const CertificatePtr certificate = certify(key.get(), key.get());
  write_certificate(base + ".crt", certificate.get());
  const FilePtr file(std::fopen((base + ".key").c_str(), "w"));
  check(file && PEM_write_PrivateKey(file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "key");
  return {{base + ".crt", base + ".key"}, pin_of_certificate_file(base + ".crt").value()};
}

void rewrite_in_old_form(const TestKey& key) {
  const std::string path = key.files.key;
  const BioPtr in(BIO_new_file(path.c_str(), "r"));
  const KeyPtr read(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const BioPtr out(BIO_new_file(path.c_str(), "w"));
  check(PEM_write_bio_PrivateKey_traditional(out.get(), read.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        path.c_str());
}

FakeRsa make_fake_rsa(int bits) {
  using NumberPtr = std::unique_ptr<BIGNUM, OpensslFree<&BN_free>>;
  const NumberPtr modulus(BN_new());
  const NumberPtr exponent(BN_new());
  const NumberPtr secret(BN_new());
  check(BN_rand(modulus.get(), bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1, "BN_rand");
  check(BN_rand(secret.get(), bits - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1, "BN_rand");
  check(BN_set_word(exponent.get(), RSA_F4) == 1, "BN_set_word");
  const std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<&OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, secret.get());
  const std::unique_ptr<OSSL_PARAM, OpensslFree<&OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, OpensslFree<&EVP_PKEY_CTX_free>> maker(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  check(EVP_PKEY_fromdata_init(maker.get()) == 1, "EVP_PKEY_fromdata_init");
  check(EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, params.get()) == 1, "EVP_PKEY_fromdata");
  KeyPtr key(made);
  const KeyPtr signer = generate(KeyKind::kP256);
  CertificatePtr certificate = certify(key.get(), signer.get());
  return {std::move(certificate), std::move(key)};
}

}  // namespace farhand::test
