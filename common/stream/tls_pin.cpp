// Pins as text and as hashes, and the PEM files they come from.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "common/escape.h"
#include "common/file_io.h"
#include "common/stream/tls_pin_internal.h"

namespace farhand {
namespace {

constexpr std::string_view kPrefix = "sha256:";

// Keys and certificates are one or two KiB; a list of certificates in one file may be longer.
constexpr std::size_t kPemBytes = std::size_t{64} * 1024;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_prefix(std::string_view text) noexcept {
  if (text.size() < kPrefix.size()) return false;
  for (std::size_t i = 0; i < kPrefix.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kPrefix[i]) return false;
  }
  return true;
}

std::optional<KeyPin> read_digits(std::string_view text) noexcept {
  KeyPin pin{};
  for (std::size_t i = 0; i < pin.size(); ++i) {
    if (i > 0 && text.starts_with(':')) text.remove_prefix(1);
    if (text.size() < 2) return std::nullopt;
    const int high = hex_digit(text[0]);
    const int low = hex_digit(text[1]);
    if (high < 0 || low < 0) return std::nullopt;
    pin[i] = static_cast<std::uint8_t>(high * 16 + low);
    text.remove_prefix(2);
  }
  if (!text.empty()) return std::nullopt;
  return pin;
}

// The text of a key must not stay in freed memory.
struct Pem {
  std::string text;
  ~Pem() { OPENSSL_cleanse(text.data(), text.size()); }
};

Result<BioPtr> open_pem(const std::string& path, Pem& pem) {
  start_openssl();
  TRY_ASSIGN(pem.text, read_small_file(path, kPemBytes));
  ERR_clear_error();
  BioPtr memory(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
  if (!memory) throw std::bad_alloc();
  return memory;
}

// Called for an encrypted key only. Without it OpenSSL would ask at the terminal, from a server too.
int note_encryption(char*, int, int, void* encrypted) noexcept {
  *static_cast<bool*>(encrypted) = true;
  return -1;
}

}  // namespace

void start_openssl() {
  static const bool started = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1;
  if (!started) throw std::runtime_error("OpenSSL does not start");
}

std::optional<KeyPin> pin_of_certificate(const X509* certificate) noexcept {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return std::nullopt;
  KeyPin pin{};
  SHA256(der, static_cast<std::size_t>(length), pin.data());
  OPENSSL_free(der);
  return pin;
}

Result<CertificatePtr> load_certificate(const std::string& path) {
  Pem pem;
  TRY_ASSIGN(const BioPtr memory, open_pem(path, pem));
  CertificatePtr certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
  if (certificate) return certificate;
  ERR_clear_error();
  return fail(ErrorCode::kUsage, quoted(path) + " holds no certificate in PEM form");
}

Result<KeyPtr> load_key(const std::string& path) {
  Pem pem;
  TRY_ASSIGN(const BioPtr memory, open_pem(path, pem));
  bool encrypted = false;
  KeyPtr key(PEM_read_bio_PrivateKey(memory.get(), nullptr, &note_encryption, &encrypted));
  if (key) return key;
  ERR_clear_error();
  if (encrypted) return fail(ErrorCode::kUsage, "the key in " + quoted(path) + " is encrypted: remove its passphrase");
  return fail(ErrorCode::kUsage, quoted(path) + " holds no private key in PEM form");
}

std::string pin_text(const KeyPin& pin) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kPrefix);
  for (const std::uint8_t byte : pin) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Result<KeyPin> parse_pin(std::string_view text) {
  if (const auto pin = read_digits(has_prefix(text) ? text.substr(kPrefix.size()) : text)) return *pin;
  return fail(ErrorCode::kUsage,
              quoted(text) + " is not a fingerprint: sha256: and 64 hexadecimal digits are expected");
}

Result<KeyPin> pin_of_certificate_file(const std::string& path) {
  TRY_ASSIGN(const CertificatePtr certificate, load_certificate(path));
  if (const auto pin = pin_of_certificate(certificate.get())) return *pin;
  ERR_clear_error();
  return fail(ErrorCode::kUsage, "the certificate in " + quoted(path) + " holds no key that can be read");
}

}  // namespace farhand
