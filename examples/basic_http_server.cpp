// A basic HTTP server: GET answers "It works". Ctrl-C stops it. `basic_http_server [HOST:PORT]`
#include <farhand/http.h>
#include <farhand/socketserver.h>

#include <iostream>

class WelcomeHandler : public http::BaseHTTPRequestHandler {
  void do_GET() override {
    send_response(200);
    send_header("Welcome", "Contect");
    end_headers();
    wfile().write("It works");
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8080");
  http::ThreadingHTTPServer server(address, socketserver::handler<WelcomeHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);  // any other thread may call server.shutdown()
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
