// HTTPServer: a TCPServer that knows its name and port; ThreadingHTTPServer takes many clients at once.
//
// Ownership, threads: TCPServer's. HTTPServer itself serves one connection after another, and a kept one keeps it busy.
// Errors: open() throws std::system_error; what a handler meets goes to handle_error().
#pragma once

#include <cstdint>
#include <string>

#include "common/export.h"
#include "server/socketserver/tcp_server.h"
#include "server/socketserver/threading_mixin.h"

namespace http {

class FARHAND_API HTTPServer : public socketserver::TCPServer {
 public:
  // ServerOptions with daemon_threads, as in Python's ThreadingHTTPServer: kept connections idle for a minute, and
  // closing the server does not wait for them; the destructor cuts them.
  [[nodiscard]] static socketserver::ServerOptions default_options();

  HTTPServer(socketserver::Address address, socketserver::StreamHandlerFactory factory,
             socketserver::ServerOptions options = default_options());
  ~HTTPServer() override;

  // Once open. The name is the address's number: Python asks the resolver, which may take seconds.
  [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
  [[nodiscard]] std::uint16_t server_port() const noexcept { return server_address().port(); }

 protected:
  void server_bind() override;  // may be extended: call the base

 private:
  std::string server_name_;
};

using ThreadingHTTPServer = socketserver::ThreadingMixIn<HTTPServer>;

}  // namespace http
