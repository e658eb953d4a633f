// UnixStreamServer: connections over a Unix socket, one at a time. ThreadingUnixStreamServer takes many.
//
// It owns its socket file and removes it on close, unless somebody has put another in its place; Python leaves it.
#pragma once

#include <memory>
#include <string>

#include "server/socketserver/stream_server.h"
#include "server/socketserver/unix_socket_file.h"

namespace socketserver {

class UnixStreamServer : public StreamServer {
 public:
  // Stores only: open() binds. See UnixSocketOptions for permissions and stale files. A live server at `path`, or a
  // file that is no socket, is EADDRINUSE.
  UnixStreamServer(std::string path, StreamHandlerFactory factory, ServerOptions options = {});
  ~UnixStreamServer() override { close_in_destructor(); }

  void server_close() override;  // may be extended: call the base; removes the socket file

 protected:
  void server_bind() override;  // may be extended: call the base

 private:
  std::unique_ptr<UnixSocketFile> file_;
};

}  // namespace socketserver
