// Remote commands with lengths: "info|<bytes>", then the bytes of both streams. `length_command_server [HOST:PORT
// [ack]]`
//
// With `ack` the server waits for the client's "ok" between the two, so that the announcement and the data cannot stick
// together. Without it, a client cannot tell "info|5" and "12345" from "info|51" and "2345" that arrive at once.
#include <farhand/socketserver.h>

#include <iostream>

#include "shell.h"

class LengthCommandHandler : public socketserver::BaseRequestHandler {
 public:
  explicit LengthCommandHandler(bool acknowledged) : acknowledged_(acknowledged) {}

 private:
  void handle() override {
    request().sendall("欢迎登录");
    for (auto command = request().recv(4096); !command.empty(); command = request().recv(4096)) {
      const std::string output = output_of(command, true);
      request().sendall("info|" + std::to_string(output.size()));  // bytes, not characters; 0 is announced as well
      if (acknowledged_ && !read_ok()) return;
      request().sendall(output);
    }
  }

  bool read_ok() {
    std::string said = request().recv(2);
    if (said.size() == 1) said += request().recv(1);
    return said == "ok";
  }

  const bool acknowledged_;
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8014");
  const bool acknowledged = argc > 2 && std::string(argv[2]) == "ack";
  socketserver::ThreadingTCPServer server(address, socketserver::handler<LengthCommandHandler>(acknowledged));
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
