// The pairing code: bytes to Crockford's base32 and back.
#include "protocol/pairing_code.h"

#include <algorithm>

namespace farhand {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kPinBytes = 32;
constexpr std::size_t kSecretBytes = 16;
constexpr std::size_t kCheckedBytes = kPinBytes + kSecretBytes;
constexpr std::size_t kCodeBytes = kCheckedBytes + 2;
constexpr std::size_t kCodeCharacters = kCodeBytes * 8 / 5;  // 80, and no bit is left over
constexpr std::size_t kMaxTextBytes = 1024;                  // hyphens and blanks included

using CodeBytes = std::array<std::uint8_t, kCodeBytes>;

// CRC-16/CCITT-FALSE: polynomial 0x1021, from 0xffff on.
std::uint16_t checksum(const CodeBytes& bytes) {
  unsigned sum = 0xffff;
  for (std::size_t i = 0; i < kCheckedBytes; ++i) {
    sum ^= static_cast<unsigned>(bytes[i]) << 8;
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 0x8000) != 0 ? (sum << 1) ^ 0x1021 : sum << 1;
    sum &= 0xffff;
  }
  return static_cast<std::uint16_t>(sum);
}

// -1 for what is no digit.
int digit_value(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const auto at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_skipped(char c) {
  return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(ErrorCode::kUsage,
              "that is no pairing code: " + why + "; copy the whole line that rserver invite printed");
}

Result<CodeBytes> read_digits(std::string_view text) {
  if (text.size() > kMaxTextBytes) return refuse("it is too long");
  CodeBytes bytes{};
  std::size_t characters = 0;
  for (const char c : text) {
    if (is_skipped(c)) continue;
    const int value = digit_value(c);
    if (value < 0) return refuse("a character does not belong into one");
    for (int bit = 0; bit < 5 && characters < kCodeCharacters; ++bit) {
      const std::size_t at = characters * 5 + static_cast<std::size_t>(bit);
      if ((value & (16 >> bit)) != 0) bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] | (0x80 >> (at % 8)));
    }
    ++characters;
  }
  if (characters == kCodeCharacters) return bytes;
  return refuse("it has " + std::to_string(characters) + " characters and not " + std::to_string(kCodeCharacters));
}

}  // namespace

std::string pairing_code_text(const PairingCode& code) {
  CodeBytes bytes{};
  std::copy(code.server.begin(), code.server.end(), bytes.begin());
  std::copy(code.secret.begin(), code.secret.end(), bytes.begin() + kPinBytes);
  const std::uint16_t sum = checksum(bytes);
  bytes[kCheckedBytes] = static_cast<std::uint8_t>(sum >> 8);
  bytes[kCheckedBytes + 1] = static_cast<std::uint8_t>(sum & 0xff);
  std::string text;
  for (std::size_t i = 0; i < kCodeCharacters; ++i) {
    unsigned value = 0;
    for (std::size_t at = i * 5; at < i * 5 + 5; ++at) value = value << 1 | (bytes[at / 8] >> (7 - at % 8) & 1U);
    text += kDigits[value];
  }
  return text;
}

Result<PairingCode> parse_pairing_code(std::string_view text) {
  TRY_ASSIGN(const CodeBytes bytes, read_digits(text));
  const std::uint16_t sum = checksum(bytes);
  if (bytes[kCheckedBytes] != sum >> 8 || bytes[kCheckedBytes + 1] != (sum & 0xff)) {
    return refuse("a character is wrong");
  }
  PairingCode code;
  std::copy_n(bytes.begin(), kPinBytes, code.server.begin());
  std::copy_n(bytes.begin() + kPinBytes, kSecretBytes, code.secret.begin());
  return code;
}

}  // namespace farhand
