// TCPServer: connections over IPv4 or IPv6, one at a time. ThreadingTCPServer (threading_mixin.h) and ForkingTCPServer
// (forking_mixin.h) take many.
#pragma once

#include "server/socketserver/stream_server.h"

namespace socketserver {

class FARHAND_API TCPServer : public StreamServer {
 public:
  // Stores only: open() binds. Port 0 lets the kernel choose; server_address() then tells the port.
  TCPServer(Address address, StreamHandlerFactory factory, ServerOptions options = {});
  ~TCPServer() override { close_in_destructor(); }

 protected:
  void server_bind() override;  // may be extended: call the base
};

}  // namespace socketserver
