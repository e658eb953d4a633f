// The line server's client: a connection for each line that is typed; an empty line ends it. `line_client [HOST:PORT]`
#include <farhand/socketserver.h>

#include <iostream>

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:21567");
  for (std::string line; std::cout << "> " << std::flush && std::getline(std::cin, line) && !line.empty();) {
    const auto server = socketserver::create_connection(address, std::chrono::seconds(30));
    server->sendall(line + "\r\n");
    for (auto part = server->recv(4096); !part.empty(); part = server->recv(4096)) std::cout << part;
    std::cout << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
