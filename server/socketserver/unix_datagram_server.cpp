// UnixDatagramServer: the socket file's life beside the server's.
#include "server/socketserver/unix_datagram_server.h"

#include <sys/socket.h>

#include <utility>

namespace socketserver {

UnixDatagramServer::UnixDatagramServer(std::string path, DatagramHandlerFactory factory, ServerOptions options)
    : DatagramServer(Address::local(std::move(path)), std::move(factory), UnixBinding::settled(options, SOCK_DGRAM)) {}

UnixDatagramServer::~UnixDatagramServer() {
  close_in_destructor();
}

void UnixDatagramServer::server_bind() {
  set_socket(binding_.bind(server_address().path(), options(), 0));
}

void UnixDatagramServer::server_close() {
  binding_.release();
  DatagramServer::server_close();
}

void UnixDatagramServer::leave_to_parent() noexcept {
  binding_.forget();
  DatagramServer::leave_to_parent();
}

}  // namespace socketserver
