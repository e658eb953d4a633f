// The menu server, a thread for each client. `menu_threading [HOST:PORT]`
#include <farhand/socketserver.h>

#include <iostream>

class MenuHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    request().sendall("welcom to 10086");
    for (auto choice = request().recv(1024); !choice.empty() && choice != "Exit"; choice = request().recv(1024)) {
      request().sendall(choice == "0" ? "0000" : "Do it again");
    }
  }
};

int main(int argc, char** argv) try {
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:10086");
  socketserver::ThreadingTCPServer server(address, socketserver::handler<MenuHandler>());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
