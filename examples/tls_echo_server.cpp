// The echo server under TLS: the handler is the same, its name in the factory says so. `tls_echo_server CERT KEY
// [HOST:PORT]`
#include <farhand/socketserver_tls.h>

#include <iostream>

class EchoHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    for (auto data = request().recv(4096); !data.empty(); data = request().recv(4096)) request().sendall(data);
  }
};

int main(int argc, char** argv) try {
  if (argc < 3) throw std::invalid_argument("tls_echo_server CERT KEY [HOST:PORT]");
  const auto address = socketserver::Address::parse(argc > 3 ? argv[3] : "127.0.0.1:9998");
  const socketserver::ServerTls tls(argv[1], argv[2]);
  socketserver::ThreadingTCPServer server(address, socketserver::handler<socketserver::TlsHandler<EchoHandler>>(tls));
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
