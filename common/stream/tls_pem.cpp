// Certificates and keys out of PEM texts.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

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
