// A client for `length_command_server ADDRESS ack`: reads each result in a loop until it has them all.
// `length_command_client [HOST:PORT]`
#include <farhand/socketserver.h>

#include <charconv>
#include <iostream>

// The number in "info|<bytes>", which the server sends alone and then waits.
std::size_t announced(const std::string& text) {
  std::size_t bytes = 0;
  const char* const end = text.data() + text.size();
  if (!text.starts_with("info|") ||
      !(std::from_chars(text.data() + 5, end, bytes) == std::from_chars_result{end, std::errc()})) {
    throw std::runtime_error("the server announces no length");
  }
  return bytes;
}

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8014");
  const auto server = socketserver::create_connection(address, std::chrono::seconds(30));
  std::cout << server->recv(1024) << std::endl;
  for (std::string line; std::cout << "> " << std::flush && std::getline(std::cin, line) && line != "q";) {
    if (line.empty()) continue;
    server->sendall(line);
    std::size_t left = announced(server->recv(1024));
    server->sendall("ok");
    while (left > 0) {
      const auto part = server->recv(std::min<std::size_t>(left, 4096));
      if (part.empty()) throw std::runtime_error("the server has gone");
      std::cout << part;
      left -= part.size();
    }
    std::cout << std::flush;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
