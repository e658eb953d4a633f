// Host's reader and writer.
#include "common/host.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/escape.h"

namespace farhand {
namespace {

tl::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kUsage, quoted(text) + " is no address: " + std::string(why) +
                                     "; write HOST, HOST:PORT, [IPV6]:PORT, plain:HOST:PORT or unix:PATH");
}

bool starts_like(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

bool is_safe_name(std::string_view name) {
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
}

struct NameAndPort {
  std::string_view name;
  std::optional<std::string_view> port;
};

std::optional<NameAndPort> split(std::string_view text) {
  if (starts_like(text, "[")) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return NameAndPort{text.substr(1, close - 1), std::nullopt};
    if (rest.front() != ':') return std::nullopt;
    return NameAndPort{text.substr(1, close - 1), rest.substr(1)};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return NameAndPort{text, std::nullopt};
  if (text.find(':', colon + 1) != std::string_view::npos) return NameAndPort{text, std::nullopt};  // bare IPv6
  return NameAndPort{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

Result<Host> parse_host(std::string_view text) {
  Host host;
  if (starts_like(text, "unix:")) {
    host.kind = Host::Kind::kUnix;
    host.path = text.substr(5);
    if (host.path.empty() || host.path.find('\0') != std::string::npos) return refuse(text, "the path is missing");
    return host;
  }
  std::string_view rest = text;
  if (starts_like(text, "plain:")) {
    host.kind = Host::Kind::kPlain;
    rest.remove_prefix(6);
  }
  const auto parts = split(rest);
  if (!parts || !is_safe_name(parts->name)) return refuse(text, "the host's name is missing or malformed");
  host.name = parts->name;
  if (parts->port) {
    const auto port = parse_port(*parts->port);
    if (!port) return refuse(text, "a port is a number up to 65535");
    host.port = *port;
  }
  return host;
}

bool names_port(std::string_view text) {
  if (starts_like(text, "unix:")) return false;
  const auto parts = split(text.substr(starts_like(text, "plain:") ? 6 : 0));
  return parts && parts->port;
}

std::string host_text(const Host& host) {
  if (host.kind == Host::Kind::kUnix) return "unix:" + host.path;
  const bool is_ipv6 = host.name.find(':') != std::string::npos;
  const std::string name = is_ipv6 ? "[" + host.name + "]" : host.name;
  return (host.kind == Host::Kind::kPlain ? "plain:" : "") + name + ":" + std::to_string(host.port);
}

}  // namespace farhand
