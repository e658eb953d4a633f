// A time-stamped line server: reads one line, answers "[Sat Nov 21 10:00:00 2026] <line>", closes. `line_server
// [HOST:PORT]`
#include <farhand/socketserver.h>

#include <ctime>
#include <iostream>

class LineHandler : public socketserver::StreamRequestHandler {
  void handle() override {
    std::string line = rfile().readline();
    line.resize(line.find_last_not_of("\r\n") + 1);
    const std::time_t now = std::time(nullptr);
    char text[26];  // what ctime_r asks for
    wfile().write("[" + std::string(::ctime_r(&now, text), 24) + "] " + line);
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:21567");
  socketserver::ThreadingTCPServer server(address, socketserver::handler<LineHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
