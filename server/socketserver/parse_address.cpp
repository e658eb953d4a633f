// Address::parse: how people write addresses.
#include <charconv>
#include <stdexcept>

#include "common/escape.h"
#include "server/socketserver/address.h"

namespace socketserver {
namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw std::invalid_argument(
      farhand::quoted(text) +
      " is no address: HOST:PORT, [IPV6]:PORT, or the path of a Unix socket with a slash in it");
}

std::uint16_t port_of(std::string_view digits, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) refuse(whole);
  return port;
}

}  // namespace

Address Address::parse(std::string_view text) {
  if (text.find('/') != text.npos) return local(std::string(text));
  const auto colon = text.rfind(':');
  if (colon == text.npos) refuse(text);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // Which of the colons would begin the port?
  if (!bracketed && host.find(':') != host.npos) refuse(text);
  return ip(host, port_of(text.substr(colon + 1), text));
}

}  // namespace socketserver
