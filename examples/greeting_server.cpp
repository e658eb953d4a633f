// A greeting server: each message M is answered M + "好"; "q" ends the conversation. `greeting_server [HOST:PORT]`
//
// A message is what one recv brings: these bytes have no edges of their own, so what a client sends twice in haste may
// be one message here. The programs with lengths (length_command_server, upload_server) show the way out.
#include <farhand/socketserver.h>

#include <iostream>

class GreetingHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    request().sendall("你好欢迎你");
    for (auto said = request().recv(1024); !said.empty() && said != "q"; said = request().recv(1024)) {
      request().sendall(said + "好");
    }
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8010");
  socketserver::ThreadingTCPServer server(address, socketserver::handler<GreetingHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
