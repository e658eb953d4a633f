// TlsHandler: any handler of connections, under TLS, by one more name in the type.
//
//   plain:  ThreadingTCPServer server(address, handler<EchoHandler>());
//   TLS:    ThreadingTCPServer server(address, handler<TlsHandler<EchoHandler>>(tls));
//
// setup() shakes hands, then runs the handler's own; handle() and finish() notice nothing. On a thread server the
// handshake is on the request's thread, so a client that dawdles holds up nobody else; in a synchronous server
// everybody.
//
// Ownership: borrows nothing: it keeps a copy of `tls`, which shares the key. Threads: as the handler's.
// Errors:    a failed handshake is std::system_error from setup(): handle() and finish() do not run.
#pragma once

#include <utility>

#include "server/socketserver/tls/server_tls.h"

namespace socketserver {

template <class Handler>
class TlsHandler : public Handler {
 public:
  // What comes after `tls` goes to the handler's own constructor.
  template <class... Arguments>
  explicit TlsHandler(const ServerTls& tls, Arguments&&... arguments)
      : Handler(std::forward<Arguments>(arguments)...), tls_(tls) {}

 protected:
  void setup() override {  // may be extended: call the base first
    tls_.wrap(this->request());
    Handler::setup();
  }

 private:
  const ServerTls tls_;
};

}  // namespace socketserver
