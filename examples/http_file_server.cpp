// Serves the current directory over HTTP, and runs the scripts in its cgi-bin. `http_file_server [PORT]`
//
// Python's listens on every interface; this one on loopback, since it runs programs for whoever reaches it.
#include <farhand/http.h>
#include <farhand/socketserver.h>

#include <iostream>

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(std::string("127.0.0.1:") + (argc > 1 ? argv[1] : "8000"));
  const http::Directory directory(".");
  http::ThreadingHTTPServer server(address, socketserver::handler<http::CGIHTTPRequestHandler>(directory));
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
