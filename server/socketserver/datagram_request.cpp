// DatagramRequest: the packet's copy, and the answer.
#include "server/socketserver/datagram_request.h"

#include <cerrno>
#include <utility>

#include "common/result.h"
#include "server/socketserver/reply_socket.h"

namespace socketserver {

DatagramRequest::DatagramRequest(std::shared_ptr<const ReplySocket> socket, farhand::Bytes packet, const Sender& sender)
    : socket_(std::move(socket)), packet_(packet.begin(), packet.end()), sender_(sender) {}

DatagramRequest::~DatagramRequest() = default;

void DatagramRequest::sendto(farhand::Bytes bytes) {
  if (aborted_ || !socket_) farhand::throw_errno("sendto", ECANCELED);
  if (!can_reply()) farhand::throw_errno("sendto", EDESTADDRREQ);
  socket_->send(bytes, sender_.native, sender_.size_bytes);
}

void DatagramRequest::close() noexcept {
  socket_.reset();
}

}  // namespace socketserver
