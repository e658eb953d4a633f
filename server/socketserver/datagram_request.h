// DatagramRequest: one packet and who sent it.
//
// Ownership: holds exactly the packet's bytes, and a share of the socket to answer through.
// Threads:   its handler's, except abort().
// Errors:    std::system_error with the call's name, which ends the request in handle_error unless the handler catches
//            it. See sendto().
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "common/bytes.h"
#include "common/export.h"
#include "server/socketserver/request.h"

namespace socketserver {

class ReplySocket;

class FARHAND_API DatagramRequest final : public Request {
 public:
  // The sender as the kernel named it: Address cannot hold a Unix socket's abstract or kernel-chosen name, and those
  // senders are to be answered as well.
  struct Sender {
    sockaddr_storage native{};
    socklen_t size_bytes = 0;
  };

  DatagramRequest(std::shared_ptr<const ReplySocket> socket, farhand::Bytes packet, const Sender& sender);
  ~DatagramRequest() override;

  // The whole packet; it may be empty. Python's request[0].
  [[nodiscard]] farhand::Bytes packet() const noexcept { return packet_; }
  [[nodiscard]] const Sender& sender() const noexcept { return sender_; }

  // Whether the sender has a name; a Unix socket that was never bound has none.
  [[nodiscard]] bool can_reply() const noexcept { return sender_.size_bytes > offsetof(sockaddr, sa_data); }

  // Sends one packet to the sender, as often as wanted. Python's request[1].sendto(bytes, client_address). EMSGSIZE:
  // too long (over 65 507 bytes for UDP); ETIMEDOUT: the sender's queue stayed full; EDESTADDRREQ: it has no name;
  // ECONNREFUSED: it is gone; ECANCELED: the server cut the request, or closed it.
  void sendto(farhand::Bytes bytes);

  void shutdown() noexcept override {}  // there is no end to tell of
  void close() noexcept override;
  // What waits in sendto ends by itself within the server's send_timeout; later ones fail.
  void abort() noexcept override { aborted_ = true; }

 private:
  std::shared_ptr<const ReplySocket> socket_;
  std::vector<std::byte> packet_;
  Sender sender_;
  std::atomic<bool> aborted_ = false;
};

}  // namespace socketserver
