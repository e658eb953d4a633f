// Address over Asio's endpoints and getaddrinfo(3).
#include "server/socketserver/address.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace socketserver {
namespace {

// getaddrinfo itself: Asio's resolver brings an executor and a thread of its own along for the same call.
Address look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    throw std::system_error(std::make_error_code(std::errc::address_not_available),
                            "look up " + host + " (" + ::gai_strerror(error) + ")");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  sockaddr_storage native{};
  std::memcpy(&native, found->ai_addr, std::min<std::size_t>(found->ai_addrlen, sizeof native));
  return Address::from_native(native, found->ai_addrlen);
}

std::string path_from(const sockaddr_storage& native, socklen_t size_bytes) {
  constexpr std::size_t kStart = offsetof(sockaddr_un, sun_path);
  if (size_bytes <= kStart) return {};  // unnamed, as clients usually are
  const auto* start = reinterpret_cast<const char*>(&native) + kStart;
  // The kernel may or may not count the terminating zero.
  return {start, ::strnlen(start, std::min<std::size_t>(size_bytes, sizeof native) - kStart)};
}

}  // namespace

Address::Address(const asio::ip::tcp::endpoint& endpoint)
    : family_(endpoint.address().is_v6() ? AF_INET6 : AF_INET), endpoint_(endpoint) {}

Address Address::ip(std::string_view host, std::uint16_t port) {
  if (host.empty()) return asio::ip::tcp::endpoint(asio::ip::tcp::v4(), port);
  std::error_code not_a_number;
  const auto number = asio::ip::make_address(host, not_a_number);
  if (!not_a_number) return asio::ip::tcp::endpoint(number, port);
  return look_up(std::string(host), port);
}

Address Address::local(std::string path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw std::system_error(EINVAL, std::generic_category(), "the path of a Unix socket");
  }
  Address address;
  address.family_ = AF_UNIX;
  address.path_ = std::move(path);
  return address;
}

Address Address::from_native(const sockaddr_storage& native, socklen_t size_bytes) {
  Address address;
  if (native.ss_family == AF_UNIX) {
    address.path_ = path_from(native, size_bytes);
    if (!address.path_.empty()) address.family_ = AF_UNIX;
    return address;
  }
  if (native.ss_family != AF_INET && native.ss_family != AF_INET6) return address;
  // Not size(), which depends on the family that is only now copied in.
  std::memcpy(address.endpoint_.data(), &native, std::min<std::size_t>(size_bytes, address.endpoint_.capacity()));
  address.family_ = native.ss_family;
  return address;
}

std::string Address::to_string() const {
  if (family_ == AF_UNIX) return path_;
  if (!is_ip()) return "unnamed";
  const std::string host = endpoint_.address().to_string();
  const std::string shown = family_ == AF_INET6 ? "[" + host + "]" : host;
  return shown + ":" + std::to_string(port());
}

}  // namespace socketserver
