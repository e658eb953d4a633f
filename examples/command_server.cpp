// Remote commands, raw replies: a command's standard output, or "no output!". `command_server [HOST:PORT]`
//
// The reply has no length, so its reader cannot know where it ends: length_command_server.cpp mends that.
#include <farhand/socketserver.h>

#include <iostream>

#include "shell.h"

class CommandHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    for (auto command = request().recv(4096); !command.empty(); command = request().recv(4096)) {
      const std::string output = output_of(command, false);
      request().sendall(output.empty() ? "no output!" : output);  // sending nothing would block the client for ever
    }
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8013");
  socketserver::ThreadingTCPServer server(address, socketserver::handler<CommandHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
