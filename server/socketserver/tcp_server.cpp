// TCPServer's binding.
#include "server/socketserver/tcp_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "common/result.h"

namespace socketserver {
namespace {

ServerOptions settled(ServerOptions options, const Address& address) {
  if (options.address_family == AF_UNSPEC) options.address_family = address.family();
  if (options.socket_type == 0) options.socket_type = SOCK_STREAM;
  return options;
}

// "" stands for any address; of which family, the option says.
Address in_family(const Address& address, int family) {
  const bool any_v4 = address.family() == AF_INET && address.endpoint().address().is_unspecified();
  if (any_v4 && family == AF_INET6) return asio::ip::tcp::endpoint(asio::ip::tcp::v6(), address.port());
  return address;
}

void turn(int fd, int level, int option, bool on, const char* name) {
  const int value = on ? 1 : 0;
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) farhand::throw_errno(name);
}

Address bound_address(int fd) {
  sockaddr_storage native{};
  socklen_t size_bytes = sizeof native;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &size_bytes) != 0) farhand::throw_errno("getsockname");
  return Address::from_native(native, size_bytes);
}

}  // namespace

TCPServer::TCPServer(Address address, StreamHandlerFactory factory, ServerOptions options)
    : StreamServer(in_family(address, options.address_family), std::move(factory), settled(options, address)) {}

void TCPServer::server_bind() {
  const Address& wanted = server_address();
  if (!wanted.is_ip() || wanted.family() != options().address_family) {
    throw std::system_error(EAFNOSUPPORT, std::generic_category(), "bind " + wanted.to_string());
  }
  set_socket(make_socket(options().address_family, options().socket_type));
  set_socket_options();
  const auto& endpoint = wanted.endpoint();
  if (::bind(socket().get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    const int error = errno;  // before the text is made, which may change errno
    throw std::system_error(error, std::generic_category(), "bind " + wanted.to_string());
  }
  set_server_address(bound_address(socket().get()));
}

void TCPServer::set_socket_options() const {
  const int fd = socket().get();
  turn(fd, SOL_SOCKET, SO_REUSEADDR, options().allow_reuse_address, "setsockopt SO_REUSEADDR");
  turn(fd, SOL_SOCKET, SO_REUSEPORT, options().allow_reuse_port, "setsockopt SO_REUSEPORT");
  if (options().address_family == AF_INET6) {
    turn(fd, IPPROTO_IPV6, IPV6_V6ONLY, options().ipv6_only, "setsockopt IPV6_V6ONLY");
  }
}

}  // namespace socketserver
