// escape_for_display: strict UTF-8 decoding, and what is not fit to be seen written as \xNN.
#include "common/escape.h"

#include <algorithm>
#include <array>

namespace farhand {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // in bytes; 0: the text does not begin with UTF-8
};

// How many bytes a sequence with this first byte has. C0, C1 and F5..FF begin none: their values would be overlong or
// beyond U+10FFFF.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// The code point at the beginning of `text` (not empty). Overlong forms and surrogates are no UTF-8: a lenient decoder
// downstream would make of them a character that this one did not look at.
CodePoint decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = sequence_length(lead);
  if (length == 0 || length > text.size()) return {};
  if (length == 1) return {lead, 1};
  char32_t value = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    value = (value << 6) | (next & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Control characters, and those that hide or turn the direction of the text around them.
constexpr std::array kNotShown{
    Range{0x00, 0x1F},     Range{0x7F, 0x9F},     Range{0xAD, 0xAD},       Range{0x061C, 0x061C},
    Range{0x180E, 0x180E}, Range{0x200B, 0x200F}, Range{0x2028, 0x202E},   Range{0x2060, 0x2064},
    Range{0x2066, 0x2069}, Range{0xFEFF, 0xFEFF}, Range{0xE0000, 0xE007F},
};

bool is_shown(char32_t value) {
  return std::none_of(kNotShown.begin(), kNotShown.end(),
                      [value](const Range& range) { return value >= range.first && value <= range.last; });
}

void append_hexadecimal(std::string& out, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out += "\\x";
    out += kDigits[value >> 4];
    out += kDigits[value & 15];
  }
}

enum class Backslash { kDoubled, kKept };

void append_escaped(std::string& out, char32_t value, std::string_view bytes, Backslash backslash) {
  switch (value) {
    case U'\n':
      out += "\\n";
      return;
    case U'\t':
      out += "\\t";
      return;
    case U'\r':
      out += "\\r";
      return;
    case U'\\':
      out += backslash == Backslash::kDoubled ? "\\\\" : "\\";
      return;
    default:
      break;
  }
  if (is_shown(value)) {
    out += bytes;
  } else {
    append_hexadecimal(out, bytes);
  }
}

std::string escape(std::string_view text, std::size_t limit, Backslash backslash) {
  std::string out;
  out.reserve(std::min(text.size(), limit) + 3);
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint next = decode(text.substr(at));
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    if (length > limit - at) return out + "...";  // never between the bytes of a code point
    const std::string_view bytes = text.substr(at, length);
    if (next.length == 0) {
      append_hexadecimal(out, bytes);
    } else {
      append_escaped(out, next.value, bytes, backslash);
    }
    at += length;
  }
  return out;
}

}  // namespace

std::string escape_for_display(std::string_view text, std::size_t limit) {
  return escape(text, limit, Backslash::kDoubled);
}

std::string sentence_for_display(std::string_view sentence, std::size_t limit) {
  return escape(sentence, limit, Backslash::kKept);
}

std::string quoted(std::string_view text) {
  return "'" + escape_for_display(text) + "'";
}

}  // namespace farhand
