// The slip's reader and writer.
#include "protocol/slip.h"

#include <algorithm>
#include <charconv>

#include "common/check.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

tl::unexpected<Error> refuse(std::string what) {
  return fail(ErrorCode::kProtocol, std::move(what));
}

// What the beginning of a foreign protocol looks like, for a sentence that helps.
std::string_view foreign_protocol(std::string_view text) {
  if (text.starts_with("SSH-")) return " (the other side speaks ssh)";
  if (text.starts_with("HTTP/") || text.starts_with("GET ") || text.starts_with("POST ") || text.starts_with("HEAD "))
    return " (the other side speaks HTTP)";
  if (text.starts_with("\x16\x03") || text.starts_with("\x15\x03")) return " (the other side speaks TLS)";
  return "";
}

tl::unexpected<Error> not_a_slip(std::string_view text) {
  return refuse("the bytes " + quoted(text.substr(0, 32)) + " are not Farhand's protocol" +
                std::string(foreign_protocol(text)));
}

// The part of `text` up to the bar at or after `from`; nothing while it may still come.
std::optional<std::string_view> field(std::string_view text, std::size_t from) {
  const auto bar = text.find('|', from);
  if (bar == std::string_view::npos) return std::nullopt;
  return text.substr(from, bar - from);
}

// Whether what is there of a kind can still become one.
bool kind_is_possible(std::string_view text) {
  const std::string_view seen = text.substr(0, text.find('|'));
  if (seen.size() > kMaxKindBytes || (seen.empty() && !text.empty())) return false;
  return std::all_of(seen.begin(), seen.end(),
                     [&](const char& c) { return is_lower(c) || (&c != seen.data() && (is_digit(c) || c == '-')); });
}

bool size_is_possible(std::string_view text) {
  const std::string_view seen = text.substr(0, text.find('|'));
  if (seen.size() > kMaxSizeDigits || (seen.empty() && !text.empty())) return false;
  if (seen.size() > 1 && seen[0] == '0') return false;
  return std::all_of(seen.begin(), seen.end(), is_digit);
}

std::optional<char> decode_escape(std::string_view three) {
  if (three == "%25") return '%';
  if (three == "%0A") return '\n';
  if (three == "%0D") return '\r';
  return std::nullopt;
}

Result<std::string> decode_name(std::string_view text) {
  std::string name;
  name.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') return refuse("a name contains a zero byte");
    if (c == '\r') return refuse("a name contains a bare carriage return");
    if (c != '%') {
      name += c;
      continue;
    }
    const auto decoded = decode_escape(text.substr(i, 3));
    if (!decoded) return refuse("a name contains the unknown escape " + quoted(text.substr(i, 3)));
    name += *decoded;
    i += 2;
  }
  if (name.size() > kMaxFrameNameBytes) {
    return refuse("a name is longer than " + std::to_string(kMaxFrameNameBytes) + " bytes");
  }
  return name;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view digits) noexcept {
  if (digits.empty() || digits.size() > kMaxSizeDigits || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > kMaxFrameSize) return std::nullopt;
  return value;
}

Result<std::optional<ParsedSlip>> parse_slip(Bytes input) {
  const std::string_view text = text_of(input.first(std::min(input.size(), kMaxSlipBytes)));
  if (!kind_is_possible(text)) return not_a_slip(text);
  const auto kind_text = field(text, 0);
  if (!kind_text) return std::optional<ParsedSlip>();

  const auto size_at = kind_text->size() + 1;
  if (!size_is_possible(text.substr(size_at))) return not_a_slip(text);
  const auto kind = kind_from_name(*kind_text);
  if (!kind) return refuse("the frame " + quoted(*kind_text) + " is not known here");
  const auto size_text = field(text, size_at);
  if (!size_text) return std::optional<ParsedSlip>();
  const auto size = parse_number(*size_text);
  if (!size) return refuse("the frame " + quoted(*kind_text) + " announces a size beyond 2^63-1");

  const auto name_at = size_at + size_text->size() + 1;
  const auto newline = text.find('\n', name_at);
  if (newline == std::string_view::npos) {
    if (input.size() >= kMaxSlipBytes) return refuse("a name is too long");
    return std::optional<ParsedSlip>();
  }
  TRY_ASSIGN(std::string name, decode_name(text.substr(name_at, newline - name_at)));
  return std::optional(ParsedSlip{FrameHeader{*kind, *size, std::move(name)}, newline + 1});
}

void append_slip(std::string& into, FrameKind kind, std::uint64_t size, std::string_view name) {
  FARHAND_ASSERT(name.size() <= kMaxFrameNameBytes && name.find('\0') == std::string_view::npos);
  into += kind_name(kind);
  into += '|';
  into += std::to_string(size);
  into += '|';
  for (const char c : name) {
    if (c == '%') {
      into += "%25";
    } else if (c == '\n') {
      into += "%0A";
    } else if (c == '\r') {
      into += "%0D";
    } else {
      into += c;
    }
  }
  into += '\n';
}

}  // namespace farhand
