// An event-driven echo server: one thread sends back what each of many clients sends, until Ctrl-C.
#include <iostream>
#include <string>

#include <farhand/events.h>

class Echo : public events::Protocol {
  void data_received(farhand::Bytes data) override { transport().write(data); }
};

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::stoi(argv[1]) : 8007);
  events::Reactor reactor;
  const auto listening = reactor.listen_tcp(socketserver::Address::ip("127.0.0.1", port), events::factory<Echo>());
  std::cout << listening.get_host().to_string() << std::endl;
  reactor.stop_on_signals();
  reactor.run();
}
