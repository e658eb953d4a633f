// Uploads what is typed: post|<local path> becomes "post|<bytes>|<file name>" and the file's bytes.
// `upload_client [HOST:PORT]`
#include <farhand/socketserver.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

void post(const socketserver::Address& server, const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path)) throw std::runtime_error("cannot read " + path.string());
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto connection = socketserver::create_connection(server, std::chrono::seconds(30));
  connection->sendall("post|" + std::to_string(content.size()) + "|" + path.filename().string());
  connection->sendall(content);
  connection->shutdown();
  while (!connection->recv(1).empty()) {
  }
}

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8015");
  for (std::string line; std::cout << "> " << std::flush && std::getline(std::cin, line) && line != "q";) {
    if (!line.starts_with("post|")) {
      std::cout << "post|PATH uploads a file, q ends" << std::endl;
      continue;
    }
    post(address, line.substr(5));
    std::cout << "posted" << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
