// Escaping for HTML, with a check of UTF-8 on the way.
#include "server/http/html.h"

#include <algorithm>
#include <cstdint>

namespace http {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::size_t announced_length(unsigned char first) noexcept {
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// The bytes of the UTF-8 character that `text` begins with, above ASCII; 0 if there is none (overlong, surrogate, cut).
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t at) {
    return static_cast<unsigned char>(text[at]);
  };
  const std::size_t length = announced_length(byte(0));
  if (length == 0 || text.size() < length) return 0;
  std::uint32_t code = byte(0) & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return 0;
    code = (code << 6U) | (byte(at) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF || code < 0xA0 ? 0 : length;  // below 0xA0: C1 control characters
}

std::string_view ascii_as_html(const char& byte) noexcept {
  switch (byte) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#x27;";
    default:
      return byte < 0x20 || byte == 0x7F ? kReplacement : std::string_view(&byte, 1);
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      html += ascii_as_html(text[0]);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = character_length(text);
    html += length > 0 ? text.substr(0, length) : kReplacement;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return html;
}

}  // namespace http
