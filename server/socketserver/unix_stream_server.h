// UnixStreamServer: connections over a Unix socket, one at a time. ThreadingUnixStreamServer and
// ForkingUnixStreamServer take many.
//
// It owns its socket file and removes it on close, unless somebody has put another in its place; Python leaves it.
#pragma once

#include <string>

#include "server/socketserver/stream_server.h"
#include "server/socketserver/unix_binding.h"

namespace socketserver {

class FARHAND_API UnixStreamServer : public StreamServer {
 public:
  // Stores only: open() binds. See UnixSocketOptions for permissions and stale files. A live server at `path`, or a
  // file that is no socket, is EADDRINUSE.
  UnixStreamServer(std::string path, StreamHandlerFactory factory, ServerOptions options = {});
  ~UnixStreamServer() override;

  void server_close() override;  // may be extended: call the base; removes the socket file

 protected:
  void server_bind() override;               // may be extended: call the base
  void leave_to_parent() noexcept override;  // may be extended: call the base

 private:
  UnixBinding binding_;
};

}  // namespace socketserver
