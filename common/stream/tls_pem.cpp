// Certificates and keys out of PEM texts.
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <string_view>

#include "common/escape.h"
#include "common/file_io.h"
#include "common/stream/tls_pem_internal.h"
#include "common/stream/tls_pin_internal.h"

namespace farhand {
namespace {

// Called for an encrypted key only. Without it OpenSSL would ask at the terminal, from a server too.
int note_encryption(char*, int, int, void* encrypted) noexcept {
  *static_cast<bool*>(encrypted) = true;
  return -1;
}

// A key in PKCS #8, decoded as the kind that it says it is. What decodes without being told a kind tries every one that
// OpenSSL knows, which takes a tenth of all the time that a client has for a short command.
KeyPtr key_of_its_kind(const unsigned char* der, std::size_t length) noexcept {
  const unsigned char* at = der;
  const Pkcs8Ptr found(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(length)));
  const ASN1_OBJECT* kind = nullptr;
  std::array<char, 64> name{};
  if (!found || PKCS8_pkey_get0(&kind, nullptr, nullptr, nullptr, found.get()) != 1) return {};
  if (OBJ_obj2txt(name.data(), name.size(), kind, 0) <= 0) return {};
  EVP_PKEY* key = nullptr;
  const DecoderPtr decoder(
      OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "PrivateKeyInfo", name.data(), EVP_PKEY_KEYPAIR, nullptr, nullptr));
  if (decoder) OSSL_DECODER_from_data(decoder.get(), &der, &length);
  return KeyPtr(key);
}

// The first key of the text, if it stands there as nearly all do: as PKCS #8, without a passphrase.
KeyPtr usual_key(BIO* memory) noexcept {
  unsigned char* der = nullptr;
  long length = 0;
  char* name = nullptr;
  bool encrypted = false;
  if (PEM_bytes_read_bio(&der, &length, &name, PEM_STRING_EVP_PKEY, memory, &note_encryption, &encrypted) != 1)
    return {};
  const auto bytes = static_cast<std::size_t>(length);
  KeyPtr key = std::string_view(name) == PEM_STRING_PKCS8INF ? key_of_its_kind(der, bytes) : KeyPtr();
  OPENSSL_clear_free(der, bytes);
  OPENSSL_free(name);
  return key;
}

}  // namespace

Pem::~Pem() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

Result<Pem> Pem::from_file(const std::string& path, std::size_t most) {
  TRY_ASSIGN(std::string text, read_small_file(path, most));
  return Pem(std::move(text), path);
}

BioPtr Pem::reader() const {
  start_openssl();
  ERR_clear_error();
  BioPtr memory(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size())));
  if (!memory) throw std::bad_alloc();
  return memory;
}

Result<std::vector<CertificatePtr>> Pem::certificates() const {
  const BioPtr memory = reader();
  std::vector<CertificatePtr> found;
  for (;;) {
    CertificatePtr certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    found.push_back(std::move(certificate));
  }
  // The end of the text is the one failure that belongs there.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (found.empty()) return fail(ErrorCode::kUsage, quoted(where_) + " holds no certificate in PEM form");
  if (!at_end) return fail(ErrorCode::kUsage, quoted(where_) + " holds a certificate that cannot be read");
  return found;
}

Result<CertificatePtr> Pem::certificate() const {
  TRY_ASSIGN(std::vector<CertificatePtr> all, certificates());
  return std::move(all.front());
}

Result<KeyPtr> Pem::key() const {
  if (KeyPtr key = usual_key(reader().get())) return key;
  const BioPtr memory = reader();
  bool encrypted = false;
  KeyPtr key(PEM_read_bio_PrivateKey(memory.get(), nullptr, &note_encryption, &encrypted));
  if (key) return key;
  ERR_clear_error();
  if (encrypted) {
    return fail(ErrorCode::kUsage, "the key in " + quoted(where_) + " is encrypted: remove its passphrase");
  }
  return fail(ErrorCode::kUsage, quoted(where_) + " holds no private key in PEM form");
}

}  // namespace farhand
