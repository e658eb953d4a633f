// ReplySocket: a datagram server's socket as its requests hold it, to answer from the port that was asked. (From which
// address is the choice of the kernel's routes where the server is bound to any.)
//
// The socket blocks, with a limit on how long: poll(2) says nothing about whether a Unix peer's queue has room, so
// waiting inside sendto(2) is the only way to be woken when it has.
//
// Ownership: a duplicate of the server's descriptor, made once and shared by all its requests (shared_ptr: the last of
//            them closes it, on whatever thread). server_close() closes the server's own while requests may be under
//            way, and the bare number could be another file's by the time they answer. Until the last of them ends the
//            address stays bound.
// Threads:   any, several at once.
#pragma once

#include <sys/socket.h>

#include <chrono>

#include "common/bytes.h"
#include "common/unique_fd.h"

namespace socketserver {

class ReplySocket {
 public:
  // Sets the limit on the socket itself, which the duplicate shares. Throws std::system_error.
  ReplySocket(int socket_fd, std::chrono::milliseconds send_timeout);

  // Sends one packet. Throws std::system_error: ETIMEDOUT if the peer's queue stayed full, EMSGSIZE for one that is too
  // long for the protocol, ECONNREFUSED if the peer is gone.
  void send(farhand::Bytes packet, const sockaddr_storage& to, socklen_t size_bytes) const;

 private:
  std::chrono::milliseconds send_timeout_;
  farhand::UniqueFd fd_;
};

}  // namespace socketserver
