// UnixStreamServer: the socket file's life beside the server's.
#include "server/socketserver/unix_stream_server.h"

namespace socketserver {
namespace {

ServerOptions settled(ServerOptions options) {
  options.address_family = AF_UNIX;
  if (options.socket_type == 0) options.socket_type = SOCK_STREAM;
  return options;
}

}  // namespace

UnixStreamServer::UnixStreamServer(std::string path, StreamHandlerFactory factory, ServerOptions options)
    : StreamServer(Address::local(std::move(path)), std::move(factory), settled(options)) {}

void UnixStreamServer::server_bind() {
  set_socket(make_socket(AF_UNIX, options().socket_type));
  file_ = std::make_unique<UnixSocketFile>(server_address().path(), options().unix_socket);
  file_->bind(socket().get());
}

void UnixStreamServer::server_close() {
  // Before the socket closes: while it is open its inode number cannot be given to another file.
  file_.reset();
  StreamServer::server_close();
}

}  // namespace socketserver
