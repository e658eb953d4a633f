// An echo server: sends back what it receives, to many clients at once. `echo_server [HOST:PORT]`
#include <farhand/socketserver.h>

#include <iostream>

class EchoHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    std::clog << client_address().to_string() + " connected\n";
    for (auto data = request().recv(4096); !data.empty(); data = request().recv(4096)) request().sendall(data);
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:9999");
  socketserver::ThreadingTCPServer server(address, socketserver::handler<EchoHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
