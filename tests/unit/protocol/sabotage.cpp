// The helpers' bodies.
#include "tests/unit/protocol/sabotage.h"

#include <optional>

namespace farhand::test {
namespace {

std::optional<unsigned> digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

}  // namespace

std::string flip_bit(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1U << (bit % 8)));
  return bytes;
}

std::string truncate_at(const std::string& bytes, std::size_t count) {
  return bytes.substr(0, count);
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  unsigned high = 0;
  bool half = false;
  for (const char c : digits) {
    const auto value = digit_value(c);
    if (!value) continue;
    if (half) bytes += static_cast<char>(static_cast<unsigned char>(high << 4 | *value));
    high = *value;
    half = !half;
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    if (!text.empty()) text += ' ';
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& c : bytes) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace farhand::test
