// UnixDatagramServer: packets over a Unix socket, one at a time. ThreadingUnixDatagramServer and
// ForkingUnixDatagramServer take many.
//
// A Unix datagram is not lost: a sender waits, or is told EAGAIN, while the server's queue is full. And a sender can
// be answered only if its own socket has a name: bound to a path, an abstract one, or one that the kernel chose.
//
// What a sender leaves unread of its answers counts against the server's one send buffer for as long as that sender's
// socket lives: a few hundred answers, and everybody waits for theirs (DatagramOptions::send_timeout). The kernel has
// no way round it, so let only trusted senders in (UnixSocketOptions::mode); for others there is UnixStreamServer.
//
// It owns its socket file and removes it on close, unless somebody has put another in its place; Python leaves it.
#pragma once

#include <string>

#include "server/socketserver/datagram_server.h"
#include "server/socketserver/unix_binding.h"

namespace socketserver {

class FARHAND_API UnixDatagramServer : public DatagramServer {
 public:
  // Stores only: open() binds. See UnixSocketOptions for permissions and stale files. A live server at `path`, or a
  // file that is no socket, is EADDRINUSE.
  UnixDatagramServer(std::string path, DatagramHandlerFactory factory, ServerOptions options = {});
  ~UnixDatagramServer() override;

  void server_close() override;  // may be extended: call the base; removes the socket file

 protected:
  void server_bind() override;               // may be extended: call the base
  void leave_to_parent() noexcept override;  // may be extended: call the base

 private:
  UnixBinding binding_;
};

}  // namespace socketserver
