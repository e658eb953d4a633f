// A form server: GET serves index.html, POST reads the form that is sent, shows it here, and answers with the page.
// `form_server [HOST:PORT]`
#include <farhand/http.h>
#include <farhand/socketserver.h>

#include <fstream>
#include <iostream>
#include <iterator>

class FormHandler : public http::BaseHTTPRequestHandler {
  void do_GET() override { send_page(); }

  void do_POST() override {
    const std::string form = rfile().read_all(64 * 1024);  // exactly Content-Length bytes
    const auto decoded = http::form_decode(form);
    if (!decoded) return send_error(400, {}, "The form is not encoded as forms are.");
    log_message("form: " + *decoded);
    send_page();
  }

  void send_page() {
    std::ifstream file("index.html", std::ios::binary);
    if (!file) return send_error(404, {}, "There is no index.html in the server's directory.");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    send_response(200);
    send_header("Content-Type", "text/html; charset=utf-8");
    send_header("Content-Length", std::to_string(page.size()));
    end_headers();
    wfile().write(page);
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8081");
  http::ThreadingHTTPServer server(address, socketserver::handler<FormHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
