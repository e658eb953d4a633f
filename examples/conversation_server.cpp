// A conversation with the operator, one client after the other. `conversation_server [HOST:PORT]`
#include "operator_handler.h"

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8012");
  std::mutex terminal;
  socketserver::TCPServer server(address, socketserver::handler<OperatorHandler>(std::ref(terminal)));
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
