// StreamServer: what servers of connections share, whatever the address family: listening and accepting.
//
// Sockets are made and accepted by the native calls, because Asio's are not close-on-exec from birth, and a command
// started on another thread at that moment would inherit them.
#pragma once

#include "server/socketserver/base_server.h"

namespace socketserver {

class StreamServer : public BaseServer {
 public:
  StreamServer(Address address, StreamHandlerFactory factory, ServerOptions options)
      : BaseServer(std::move(address), std::move(factory), options) {}

 protected:
  void server_activate() override;                 // may be extended: call the base; listens
  std::optional<Incoming> get_request() override;  // may be extended: call the base; accepts

  // A new socket, non-blocking (so that accepting never waits) and close-on-exec.
  [[nodiscard]] static farhand::UniqueFd make_socket(int family, int type);
};

}  // namespace socketserver
