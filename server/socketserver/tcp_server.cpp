// TCPServer's binding.
#include "server/socketserver/tcp_server.h"

#include <sys/socket.h>

#include <utility>

#include "server/socketserver/ip_binding.h"
#include "server/socketserver/native_socket.h"

namespace socketserver {

TCPServer::TCPServer(Address address, StreamHandlerFactory factory, ServerOptions options)
    : StreamServer(in_family(address, options.address_family), std::move(factory),
                   ip_options(options, address, SOCK_STREAM, true)) {}

void TCPServer::server_bind() {
  set_socket(bind_ip(server_address(), options(), SOCK_NONBLOCK));  // so that accepting never waits
  set_server_address(bound_address(socket().get()));
}

}  // namespace socketserver
