// bind(2) for IPv4 and IPv6.
#include "server/socketserver/ip_binding.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "common/result.h"
#include "server/socketserver/native_socket.h"

namespace socketserver {
namespace {

void turn(int fd, int level, int option, bool on, const char* name) {
  const int value = on ? 1 : 0;
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) farhand::throw_errno(name);
}

void set_socket_options(int fd, const ServerOptions& options) {
  turn(fd, SOL_SOCKET, SO_REUSEADDR, options.allow_reuse_address.value_or(false), "setsockopt SO_REUSEADDR");
  turn(fd, SOL_SOCKET, SO_REUSEPORT, options.allow_reuse_port, "setsockopt SO_REUSEPORT");
  if (options.address_family == AF_INET6) {
    turn(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only, "setsockopt IPV6_V6ONLY");
  }
}

}  // namespace

ServerOptions ip_options(ServerOptions options, const Address& address, int type, bool reuse_address) {
  if (options.address_family == AF_UNSPEC) options.address_family = address.family();
  if (options.socket_type == 0) options.socket_type = type;
  if (!options.allow_reuse_address) options.allow_reuse_address = reuse_address;
  return options;
}

Address in_family(const Address& address, int family) {
  const bool any_v4 = address.family() == AF_INET && address.endpoint().address().is_unspecified();
  if (any_v4 && family == AF_INET6) return asio::ip::tcp::endpoint(asio::ip::tcp::v6(), address.port());
  return address;
}

farhand::UniqueFd bind_ip(const Address& wanted, const ServerOptions& options, int flags) {
  if (!wanted.is_ip() || wanted.family() != options.address_family) {
    throw std::system_error(EAFNOSUPPORT, std::generic_category(), "bind " + wanted.to_string());
  }
  farhand::UniqueFd socket = make_socket(options.address_family, options.socket_type | flags);
  set_socket_options(socket.get(), options);
  const auto& endpoint = wanted.endpoint();
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    const int error = errno;  // before the text is made, which may change errno
    throw std::system_error(error, std::generic_category(), "bind " + wanted.to_string());
  }
  return socket;
}

}  // namespace socketserver
