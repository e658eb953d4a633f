// Address: where a server listens or who a client is, the same type for IP and Unix sockets.
//
// Asio's endpoints fix the family at compile time and cut a Unix path at 108 bytes; a server that may be either needs
// one type for both. An IP address converts from and to Asio's.
//
// Errors: a name that does not resolve and a path that cannot be one throw std::system_error.
#pragma once

#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/export.h"

namespace socketserver {

class FARHAND_API Address {
 public:
  // No address: a Unix client, which mostly has no name, or an abstract one that is not shown; and an error that
  // belongs to no client.
  Address() = default;
  Address(const asio::ip::tcp::endpoint& endpoint);  // NOLINT(google-explicit-constructor): a value is a value

  // A number or a name and a port, as Python's pair. "" is any IPv4 address; port 0 lets the kernel choose. A name is
  // looked up, which may take seconds, and its first address is taken.
  static Address ip(std::string_view host, std::uint16_t port);
  // "127.0.0.1:80", "[::1]:80", "name:80", ":80" (any IPv4 address), or a path with a slash in it: a Unix socket. For
  // arguments of programs; what is none of these throws std::invalid_argument.
  static Address parse(std::string_view text);
  // The path of a Unix socket, of any length. Linux's abstract names (a leading zero byte) are refused.
  static Address local(std::string path);
  // What accept(2), recvmsg(2) and getsockname(2) fill in.
  static Address from_native(const sockaddr_storage& native, socklen_t size_bytes);

  [[nodiscard]] int family() const noexcept { return family_; }  // AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for none
  [[nodiscard]] bool is_ip() const noexcept { return family_ == AF_INET || family_ == AF_INET6; }
  [[nodiscard]] std::uint16_t port() const noexcept { return endpoint_.port(); }                // 0 unless is_ip()
  [[nodiscard]] const asio::ip::tcp::endpoint& endpoint() const noexcept { return endpoint_; }  // only if is_ip()
  [[nodiscard]] const std::string& path() const noexcept { return path_; }                      // "" unless AF_UNIX

  // "127.0.0.1:80", "[::1]:80", "/run/x.sock", or "unnamed". A path is as it is: escape it before display.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Address&) const = default;

 private:
  int family_ = AF_UNSPEC;
  asio::ip::tcp::endpoint endpoint_;
  std::string path_;
};

}  // namespace socketserver
