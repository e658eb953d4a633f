// Targets and percent-coding.
#include "server/http/target.h"

#include <algorithm>
#include <utility>

#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::string_view kUnreserved = "-._~";  // beside letters and digits

bool is_visible(char byte) noexcept {
  return byte > 0x20 && byte < 0x7F;
}

std::string encode(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string coded;
  coded.reserve(text.size());
  for (const char byte : text) {
    const bool letter_or_digit = is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z');
    if (letter_or_digit || (byte != '\0' && kUnreserved.find(byte) != std::string_view::npos) ||
        (keep_slashes && byte == '/')) {
      coded += byte;
    } else {
      const auto number = static_cast<unsigned char>(byte);
      coded += {'%', kDigits[number >> 4U], kDigits[number & 0xFU]};
    }
  }
  return coded;
}

// A scheme's "//" is taken off; false if `text` does not begin with an http scheme.
bool take_scheme(std::string_view& text) noexcept {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (text.size() < scheme.size() || !equal_ignoring_case(text.substr(0, scheme.size()), scheme)) continue;
    text.remove_prefix(scheme.size());
    return true;
  }
  return false;
}

Parsed<Target> with_path(Target target, std::string_view rest) {
  const std::size_t question = rest.find('?');
  target.has_query = question != std::string_view::npos;
  if (target.has_query) target.query = rest.substr(question + 1);
  target.raw_path = rest.substr(0, question);
  if (target.raw_path.empty()) target.raw_path = "/";
  auto decoded = percent_decode(target.raw_path);
  if (!decoded) return Refusal{400, "the path holds a damaged %XX or a zero byte"};
  target.path = *std::move(decoded);
  return target;
}

}  // namespace

Parsed<Target> parse_target(std::string_view method, std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_visible)) {
    return Refusal{400, "the request line names nothing, or holds bytes that no address has"};
  }
  if (text.find('#') != std::string_view::npos) return Refusal{400, "the address holds a fragment"};
  Target target;
  if (method == "CONNECT") {
    target.form = Target::Form::kAuthority;
    target.authority = text;
    return target;
  }
  if (text == "*") {
    if (method != "OPTIONS") return Refusal{400, "only OPTIONS may ask for *"};
    target.form = Target::Form::kAsterisk;
    target.raw_path = target.path = "*";
    return target;
  }
  if (text.starts_with('/')) return with_path(std::move(target), text);
  if (!take_scheme(text)) return Refusal{400, "the address is neither a path nor an http URL"};
  target.form = Target::Form::kAbsolute;
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  target.authority = text.substr(0, end);
  if (target.authority.empty() || target.authority.find('@') != std::string::npos) {
    return Refusal{400, "the URL names no host, or a user"};
  }
  return with_path(std::move(target), text.substr(end));
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    char byte = text[at];
    if (byte == '%') {
      if (text.size() - at < 3) return std::nullopt;
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      byte = static_cast<char>(high * 16 + low);
      at += 2;
    }
    if (byte == '\0') return std::nullopt;
    decoded += byte;
  }
  return decoded;
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

std::string percent_encode_path(std::string_view path) {
  return encode(path, true);
}
std::string percent_encode(std::string_view text) {
  return encode(text, false);
}

bool path_stays_inside(std::string_view path) noexcept {
  for (bool more = true; more;) {
    const auto taken = take_until(path, '/');
    more = taken.has_value();
    if (taken.value_or(path) == "..") return false;
  }
  return true;
}

}  // namespace http
