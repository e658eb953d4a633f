// UnixStreamServer: the socket file's life beside the server's.
#include "server/socketserver/unix_stream_server.h"

#include <sys/socket.h>

#include <utility>

namespace socketserver {

UnixStreamServer::UnixStreamServer(std::string path, StreamHandlerFactory factory, ServerOptions options)
    : StreamServer(Address::local(std::move(path)), std::move(factory), UnixBinding::settled(options, SOCK_STREAM)) {}

UnixStreamServer::~UnixStreamServer() {
  close_in_destructor();
}

void UnixStreamServer::server_bind() {
  set_socket(binding_.bind(server_address().path(), options(), SOCK_NONBLOCK));  // so that accepting never waits
}

void UnixStreamServer::server_close() {
  binding_.release();
  StreamServer::server_close();
}

void UnixStreamServer::leave_to_parent() noexcept {
  binding_.forget();
  StreamServer::leave_to_parent();
}

}  // namespace socketserver
