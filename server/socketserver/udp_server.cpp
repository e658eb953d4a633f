// UDPServer's binding.
#include "server/socketserver/udp_server.h"

#include <sys/socket.h>

#include <utility>

#include "server/socketserver/ip_binding.h"
#include "server/socketserver/native_socket.h"

namespace socketserver {

// SO_REUSEADDR stays off: for UDP, Linux gives the packets to whoever bound the port last.
UDPServer::UDPServer(Address address, DatagramHandlerFactory factory, ServerOptions options)
    : DatagramServer(in_family(address, options.address_family), std::move(factory),
                     ip_options(options, address, SOCK_DGRAM, false)) {}

void UDPServer::server_bind() {
  set_socket(bind_ip(server_address(), options(), 0));
  set_server_address(bound_address(socket().get()));
}

}  // namespace socketserver
