// StreamServer: what servers of connections share, whatever the address family: listening and accepting.
#pragma once

#include "server/socketserver/base_server.h"

namespace socketserver {

class FARHAND_API StreamServer : public BaseServer {
 public:
  StreamServer(Address address, StreamHandlerFactory factory, ServerOptions options)
      : BaseServer(std::move(address), std::move(factory), options) {}

 protected:
  void server_activate() override;                 // may be extended: call the base; listens
  std::optional<Incoming> get_request() override;  // may be extended: call the base; accepts
};

}  // namespace socketserver
