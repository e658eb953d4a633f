// Event-driven page fetches: whenever a client says anything, two pages are fetched at the same time, and a callback on
// each prints its length, its first 100 characters and the time. `page_fetcher URL URL [HOST:PORT]`
#include <farhand/events.h>
#include <farhand/http.h>

#include <chrono>
#include <ctime>
#include <iostream>

// At most 100 characters (not bytes), and nothing that would command the terminal.
std::string beginning_of(const std::string& text) {
  std::string shown;
  int characters = 0;
  for (const char each : text) {
    const bool continues = (static_cast<unsigned char>(each) & 0xC0) == 0x80;  // of a character of several bytes
    if (!continues && ++characters > 100) break;
    const bool control = static_cast<unsigned char>(each) < ' ' || each == '\x7f';
    shown += control ? ' ' : each;
  }
  return shown;
}

void print(const http::Page& page) {
  const std::time_t now = std::time(nullptr);
  char time[26];  // what ctime_r asks for
  std::cout << page.body.size() << " bytes: " << beginning_of(page.body) << "\n" << ::ctime_r(&now, time) << std::flush;
}

class Fetcher : public events::Protocol {
 public:
  Fetcher(std::string first, std::string second) : urls_{std::move(first), std::move(second)} {}

 private:
  void data_received(farhand::Bytes) override {
    for (const auto& url : urls_) {
      http::fetch_page(transport().reactor(), url, print,
                       [](const std::string& why) { std::cout << why << std::endl; });
    }
  }
  const std::string urls_[2];
};

int main(int argc, char** argv) try {
  if (argc < 3) throw std::invalid_argument("page_fetcher URL URL [HOST:PORT]");
  events::Reactor reactor;
  const auto address = socketserver::Address::parse(argc > 3 ? argv[3] : "127.0.0.1:8008");
  const auto port = reactor.listen_tcp(address, events::factory<Fetcher>(std::string(argv[1]), std::string(argv[2])));
  reactor.stop_on_signals();
  std::cout << port.get_host().to_string() << std::endl;
  reactor.run();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
