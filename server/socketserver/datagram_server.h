// DatagramServer: what servers of packets share, whatever the address family: each packet is a request.
//
// While a server is full (has_room), packets wait in the socket's receive buffer; the kernel drops UDP's when that is
// full, and makes Unix senders wait.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "server/socketserver/base_server.h"
#include "server/socketserver/datagram_request.h"

namespace socketserver {

using DatagramHandlerFactory = HandlerFactoryFor<DatagramRequest>;

class FARHAND_API DatagramServer : public BaseServer {
 public:
  DatagramServer(Address address, DatagramHandlerFactory factory, ServerOptions options);
  ~DatagramServer() override;

  void server_close() override;  // may be extended: call the base

 protected:
  void server_activate() override;  // may be extended: call the base; from then on packets are taken
  // May be extended: call the base. Takes a packet. One that is longer than the limit goes to handle_error (EMSGSIZE)
  // and to no handler, which would take the piece for the whole.
  std::optional<Incoming> get_request() override;
  void leave_to_parent() noexcept override;  // may be extended: call the base

 private:
  std::vector<std::byte> buffer_;  // every packet arrives here first, so that a request is as large as its packet
  std::shared_ptr<const ReplySocket> reply_socket_;
};

}  // namespace socketserver
