// UDPServer: packets over IPv4 or IPv6, one at a time. ThreadingUDPServer (threading_mixin.h) and ForkingUDPServer
// (forking_mixin.h) take many.
//
// A server on the any address answers from the address that the kernel's routes choose, as Python's does. On a host
// with several addresses bind one server to each that clients use.
#pragma once

#include "server/socketserver/datagram_server.h"

namespace socketserver {

class FARHAND_API UDPServer : public DatagramServer {
 public:
  // Stores only: open() binds. Port 0 lets the kernel choose; server_address() then tells the port.
  UDPServer(Address address, DatagramHandlerFactory factory, ServerOptions options = {});
  ~UDPServer() override { close_in_destructor(); }

 protected:
  void server_bind() override;  // may be extended: call the base
};

}  // namespace socketserver
