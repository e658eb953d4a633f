// A little of each library, and an answer over real connections.
#include <farhand/events.h>
#include <farhand/http.h>
#include <farhand/socketserver.h>
#include <farhand/socketserver_tls.h>

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

int main() {
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
