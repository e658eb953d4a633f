// DatagramServer over recvmsg(2).
#include "server/socketserver/datagram_server.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "common/result.h"
#include "server/socketserver/reply_socket.h"

namespace socketserver {
namespace {

struct Arrival {
  ssize_t size_bytes = -1;  // of the packet, however much of it fitted
  bool truncated = false;
  DatagramRequest::Sender sender;
};

// MSG_DONTWAIT: the socket blocks, for the sake of answers (reply_socket.h), but nobody need be there. Descriptors that
// a Unix sender attaches find no room for them, and the kernel closes them.
Arrival receive(int fd, farhand::MutableBytes into) {
  Arrival arrival;
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_name = &arrival.sender.native;
  message.msg_namelen = sizeof arrival.sender.native;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  arrival.size_bytes = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
  arrival.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  arrival.sender.size_bytes = message.msg_namelen;
  return arrival;
}

// An earlier answer's fate, or nobody there: the next packet is not concerned.
bool concerns_no_packet(int error) noexcept {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
      return true;
    default:
      return false;
  }
}

std::exception_ptr too_long(ssize_t size_bytes, std::size_t most_bytes) {
  return std::make_exception_ptr(std::system_error(
      EMSGSIZE, std::generic_category(),
      "a packet of " + std::to_string(size_bytes) + " bytes, where " + std::to_string(most_bytes) + " are the most"));
}

}  // namespace

DatagramServer::DatagramServer(Address address, DatagramHandlerFactory factory, ServerOptions options)
    : BaseServer(std::move(address), std::move(factory), options) {}

DatagramServer::~DatagramServer() = default;

void DatagramServer::server_activate() {
  buffer_.resize(std::max<std::size_t>(options().datagram.max_packet_bytes, 1));
  reply_socket_ = std::make_shared<const ReplySocket>(socket().get(), options().datagram.send_timeout);
}

void DatagramServer::server_close() {
  BaseServer::server_close();
  reply_socket_.reset();
  buffer_ = {};
}

void DatagramServer::leave_to_parent() noexcept {
  reply_socket_.reset();
  BaseServer::leave_to_parent();
}

std::optional<Incoming> DatagramServer::get_request() {
  const auto arrival = receive(socket().get(), buffer_);
  if (arrival.size_bytes < 0) {
    if (concerns_no_packet(errno)) return std::nullopt;
    farhand::throw_errno("recvmsg");
  }
  auto client = Address::from_native(arrival.sender.native, arrival.sender.size_bytes);
  if (arrival.truncated) {
    report(too_long(arrival.size_bytes, buffer_.size()), client);
    return std::nullopt;
  }
  const auto packet = farhand::Bytes(buffer_).first(static_cast<std::size_t>(arrival.size_bytes));
  return Incoming{std::make_unique<DatagramRequest>(reply_socket_, packet, arrival.sender), std::move(client)};
}

}  // namespace socketserver
