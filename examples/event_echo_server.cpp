// The event-driven echo server: every client in one thread. `event_echo_server [HOST:PORT]`
#include <farhand/events.h>

#include <iostream>

class Echo : public events::Protocol {
  void connection_made() override { std::clog << transport().get_peer().to_string() + " connected\n"; }
  void data_received(farhand::Bytes data) override { transport().write(data); }
};

int main(int argc, char** argv) try {
  events::Reactor reactor;
  const auto address = socketserver::Address::parse(argc > 1 ? argv[1] : "127.0.0.1:8007");
  const auto port = reactor.listen_tcp(address, events::factory<Echo>());
  reactor.stop_on_signals();
  std::cout << port.get_host().to_string() << std::endl;
  reactor.run();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
