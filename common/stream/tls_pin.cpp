// Pins as text and as hashes, and the certificates they come from.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include "common/escape.h"
#include "common/stream/tls_pem_internal.h"
#include "common/stream/tls_pin_internal.h"

namespace farhand {
namespace {

constexpr std::string_view kPrefix = "sha256:";

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

}  // namespace

void start_openssl() {
  static const bool started = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1;
  if (!started) throw std::runtime_error("OpenSSL does not start");
}

std::optional<KeyPin> pin_of_certificate(const X509* certificate) noexcept {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return std::nullopt;
  KeyPin pin{};
  const bool hashed = SHA256(der, static_cast<std::size_t>(length), pin.data()) != nullptr;  // it allocates
  OPENSSL_free(der);
  return hashed ? std::optional(pin) : std::nullopt;
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

Result<KeyPin> pin_of_pem(const Pem& pem) {
  TRY_ASSIGN(const CertificatePtr certificate, pem.certificate());
  if (const auto pin = pin_of_certificate(certificate.get())) return *pin;
  ERR_clear_error();
  return fail(ErrorCode::kUsage, "the certificate in " + quoted(pem.where()) + " holds no key that can be read");
}

Result<KeyPin> pin_of_certificate_file(const std::string& path) {
  TRY_ASSIGN(const Pem pem, Pem::from_file(path));
  return pin_of_pem(pem);
}

}  // namespace farhand
