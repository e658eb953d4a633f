// The library's servers as scripts/bench-library measures them: no log, and limits that 10 000 connections fit under.
//
//   bench_servers threading|forking|events|http-threading|http-events [DIRECTORY]
#include <farhand/events.h>
#include <farhand/http.h>
#include <farhand/socketserver.h>
#include <sys/resource.h>

#include <iostream>
#include <stdexcept>
#include <string>

namespace {

class EchoHandler : public socketserver::BaseRequestHandler {
  void handle() override {
    std::array<std::byte, 4096> buffer;
    while (const auto got = request().recv(buffer)) request().sendall(farhand::Bytes(buffer).first(got));
  }
};

class Echo : public events::Protocol {
  void data_received(farhand::Bytes data) override { transport().write(data); }
};

class QuietFileHandler : public http::SimpleHTTPRequestHandler {
 public:
  using SimpleHTTPRequestHandler::SimpleHTTPRequestHandler;

 private:
  void log_request(int) override {}
};

socketserver::ServerOptions many() {
  socketserver::ServerOptions options;
  options.threading.max_threads = 0;
  options.forking.max_children = 1000;
  return options;
}

template <class Server>
void serve(socketserver::StreamHandlerFactory factory) {
  Server server(socketserver::Address::ip("127.0.0.1", 0), std::move(factory), many());
  server.open();
  const socketserver::StopOnSignals stop(server);
  std::cout << server.server_address().to_string() << std::endl;
  server.serve_forever();
}

void serve_events(const std::shared_ptr<events::ServerFactory>& factory) {
  events::Reactor reactor;
  const auto port = reactor.listen_tcp(socketserver::Address::ip("127.0.0.1", 0), factory);
  reactor.stop_on_signals();
  std::cout << port.get_host().to_string() << std::endl;
  reactor.run();
}

void run(const std::string& kind, const std::string& directory) {
  if (kind == "threading") return serve<socketserver::ThreadingTCPServer>(socketserver::handler<EchoHandler>());
  if (kind == "forking") return serve<socketserver::ForkingTCPServer>(socketserver::handler<EchoHandler>());
  if (kind == "events") return serve_events(events::factory<Echo>());
  const http::Directory files(directory);
  if (kind == "http-threading") return serve<http::ThreadingHTTPServer>(socketserver::handler<QuietFileHandler>(files));
  if (kind == "http-events") return serve_events(events::factory<http::FileProtocol>(files));
  throw std::invalid_argument("bench_servers threading|forking|events|http-threading|http-events [DIRECTORY]");
}

}  // namespace

int main(int argc, char** argv) try {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : ".");
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
