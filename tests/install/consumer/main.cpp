// A little of each library, and an answer over real connections.
#include <farhand/events.h>
#include <farhand/http.h>
#include <farhand/socketserver.h>
#include <farhand/socketserver_tls.h>

#include <unistd.h>

#include <asio/io_context.hpp>  // a program's own Asio
#include <asio/steady_timer.hpp>
#include <filesystem>
#include <iostream>
#include <thread>

class UpperHandler : public socketserver::StreamRequestHandler {
  void handle() override {
    std::string line = rfile().readline();
    for (char& each : line) each = static_cast<char>(each >= 'a' && each <= 'z' ? each - 32 : each);
    wfile().write(line);
  }
};

class Page : public http::BaseHTTPRequestHandler {
  void do_GET() override {
    send_response(200);
    end_headers();
    wfile().write("page");
  }
};

class PacketHandler : public socketserver::DatagramRequestHandler {
  void handle() override { wfile().write(rfile().readline()); }
};

template <class T>
struct Tag {
  using Server = T;
};

template <class Server>
std::string answer_of(socketserver::StreamHandlerFactory factory, const std::string& request) {
  Server server(socketserver::Address::ip("127.0.0.1", 0), std::move(factory));
  server.open();
  std::thread serving([&] { server.serve_forever(); });
  const auto client = socketserver::create_connection(server.server_address(), std::chrono::seconds(20));
  client->sendall(request);
  std::string answer;
  for (auto part = client->recv(4096); !part.empty(); part = client->recv(4096)) answer += part;
  server.shutdown();
  serving.join();
  return answer;
}

// Each of the twelve can be made, opened and closed outside the tree.
template <class... Servers>
void open_and_close(auto address, const auto& factory) {
  const auto each = [&](auto tag) {
    typename decltype(tag)::Server server(address, factory);
    server.open();
    server.server_close();
  };
  (each(Tag<Servers>{}), ...);
}

void open_and_close_all() {
  using namespace socketserver;
  const auto any = Address::ip("127.0.0.1", 0);
  const std::string path = std::filesystem::temp_directory_path() / ("consumer." + std::to_string(::getpid()));
  const auto stream = handler<UpperHandler>();
  const auto packet = handler<PacketHandler>();
  open_and_close<TCPServer, ThreadingTCPServer, ForkingTCPServer>(any, stream);
  open_and_close<UnixStreamServer, ThreadingUnixStreamServer, ForkingUnixStreamServer>(path, stream);
  open_and_close<UDPServer, ThreadingUDPServer, ForkingUDPServer>(any, packet);
  open_and_close<UnixDatagramServer, ThreadingUnixDatagramServer, ForkingUnixDatagramServer>(path, packet);
  std::cout << "twelve\n";
}

void run_own_asio() {
  asio::io_context context;
  asio::steady_timer timer(context, std::chrono::milliseconds(0));
  timer.async_wait([](const std::error_code&) { std::cout << "own asio\n"; });
  context.run();
}

int main() {
  run_own_asio();
  open_and_close_all();
  events::Reactor reactor;
  reactor.call_later(std::chrono::milliseconds(0), [&] { reactor.stop(); });
  reactor.run();
  try {
    const socketserver::ServerTls tls("/no/such/certificate", "/no/such/key");
  } catch (const std::exception& error) {
    std::cout << "tls: " << error.what() << '\n';
  }
  std::cout << answer_of<socketserver::ThreadingTCPServer>(socketserver::handler<UpperHandler>(), "hello\n");
  std::cout << answer_of<http::ThreadingHTTPServer>(socketserver::handler<Page>(),
                                                    "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}
