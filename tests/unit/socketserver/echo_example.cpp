// An echo server: sends back what it receives, to many clients at once, until it is killed.
#include <array>
#include <iostream>

#include <farhand/socketserver.h>

class EchoHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    std::array<std::byte, 4096> buffer;
    while (const auto got = request().recv(buffer)) request().sendall(std::span(buffer).first(got));
  }
};

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::stoi(argv[1]) : 9999);
  socketserver::ThreadingTCPServer server(socketserver::Address::ip("127.0.0.1", port),
                                          socketserver::handler<EchoHandler>());
  server.open();
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
}
