// The parts of an http address.
#include "server/http/url.h"

#include <algorithm>

#include "server/http/framing.h"
#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kSecureScheme = "https://";

bool begins_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool is_name(std::string_view host) noexcept {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char byte) {
    return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z') || byte == '-' || byte == '.' || byte == '_';
  });
}

bool is_ipv6(std::string_view host) noexcept {
  return !host.empty() && std::all_of(host.begin(), host.end(),
                                      [](char byte) { return hex_digit(byte) >= 0 || byte == ':' || byte == '.'; });
}

// "host", "host:80", "[::1]:80"; false if it is none of them.
bool take_authority(std::string_view authority, Url& into) {
  into.host_field = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    authority.remove_prefix(1);
    const auto host = take_until(authority, ']');
    if (!host || !is_ipv6(*host) || (!authority.empty() && authority[0] != ':')) return false;
    into.host = *host;
    port = authority;
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    into.host = authority.substr(0, colon);
    port = authority.substr(colon);
    if (!is_name(into.host)) return false;
  }
  if (port.size() <= 1) return port.empty();
  const auto number = parse_length(port.substr(1));
  if (!number || *number == 0 || *number > 65535) return false;
  into.port = static_cast<std::uint16_t>(*number);
  return true;
}

}  // namespace

Parsed<Url> parse_url(std::string_view text) {
  if (begins_ignoring_case(text, kSecureScheme)) return Refusal{400, "https is not spoken here, only http"};
  if (!begins_ignoring_case(text, kScheme)) return Refusal{400, "the address does not begin with http://"};
  text.remove_prefix(kScheme.size());
  text = text.substr(0, text.find('#'));
  if (!std::all_of(text.begin(), text.end(), [](char byte) { return byte > 0x20 && byte < 0x7F; })) {
    return Refusal{400, "the address holds bytes that must be written %XX"};
  }
  Url url;
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  if (!take_authority(text.substr(0, end), url)) return Refusal{400, "the address names no host, or a wrong port"};
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

}  // namespace http
