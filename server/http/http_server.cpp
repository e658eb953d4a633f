// HTTPServer's name.
#include "server/http/http_server.h"

#include <utility>

namespace http {

socketserver::ServerOptions HTTPServer::default_options() {
  socketserver::ServerOptions options;
  options.threading.daemon_threads = true;
  return options;
}

HTTPServer::HTTPServer(socketserver::Address address, socketserver::StreamHandlerFactory factory,
                       socketserver::ServerOptions options)
    : TCPServer(std::move(address), std::move(factory), options) {}

HTTPServer::~HTTPServer() {
  close_in_destructor();
}

void HTTPServer::server_bind() {
  TCPServer::server_bind();
  server_name_ = server_address().endpoint().address().to_string();
}

}  // namespace http
