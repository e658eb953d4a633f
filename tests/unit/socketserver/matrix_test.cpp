// Every server with every model and every kind of handler: clients one after the other and many at once, and at the end
// no thread, child, descriptor or socket file is left.
#include <array>
#include <tuple>

#include "common/bytes.h"
#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::Client;
using testing::DatagramClient;
using testing::Report;
using testing::ServerProcess;

class LineHandler : public StreamRequestHandler {
  void handle() override { wfile().write(rfile().readline()); }
};

class PacketHandler : public BaseDatagramRequestHandler {
  void handle() override { request().sendto(request().packet()); }
};

class PacketLineHandler : public DatagramRequestHandler {
  void handle() override { wfile().write(rfile().readline()); }
};

enum class Place { kTcp4, kTcp6, kUdp4, kUdp6, kUnixStream, kUnixDatagram };

using Body = std::function<void(Report&, const Address&)>;

template <class Server, class Handler>
Body body() {
  return [](Report& report, const Address& address) {
    const auto server = testing::make_server<Server>(address, handler<Handler>(), testing::forking_options());
    testing::serve_until_sigterm(report, *server);
  };
}

template <class Server>
std::vector<Body> models_of() {
  if constexpr (std::is_base_of_v<StreamServer, Server>) {
    using Base = testing::EchoHandler;
    return {body<Server, Base>(),
            body<ThreadingMixIn<Server>, Base>(),
            body<ForkingMixIn<Server>, Base>(),
            body<Server, LineHandler>(),
            body<ThreadingMixIn<Server>, LineHandler>(),
            body<ForkingMixIn<Server>, LineHandler>()};
  } else {
    return {body<Server, PacketHandler>(),
            body<ThreadingMixIn<Server>, PacketHandler>(),
            body<ForkingMixIn<Server>, PacketHandler>(),
            body<Server, PacketLineHandler>(),
            body<ThreadingMixIn<Server>, PacketLineHandler>(),
            body<ForkingMixIn<Server>, PacketLineHandler>()};
  }
}

std::vector<Body> models_at(Place place) {
  switch (place) {
    case Place::kTcp4:
    case Place::kTcp6:
      return models_of<TCPServer>();
    case Place::kUdp4:
    case Place::kUdp6:
      return models_of<UDPServer>();
    case Place::kUnixStream:
      return models_of<UnixStreamServer>();
    case Place::kUnixDatagram:
      return models_of<UnixDatagramServer>();
  }
  return {};
}

constexpr std::array<const char*, 6> kModelNames{"SyncBase",  "ThreadingBase",  "ForkingBase",
                                                 "SyncFiles", "ThreadingFiles", "ForkingFiles"};
constexpr std::array<const char*, 6> kPlaceNames{"Tcp4", "Tcp6", "Udp4", "Udp6", "UnixStream", "UnixDatagram"};

class MatrixTest : public testing::SocketServerTest,
                   public ::testing::WithParamInterface<std::tuple<Place, std::size_t>> {
 protected:
  [[nodiscard]] static Place place() { return std::get<0>(GetParam()); }
  [[nodiscard]] static bool is_six() { return place() == Place::kTcp6 || place() == Place::kUdp6; }
  [[nodiscard]] static bool is_stream() {
    return place() == Place::kTcp4 || place() == Place::kTcp6 || place() == Place::kUnixStream;
  }
  [[nodiscard]] Address wanted() const {
    if (place() == Place::kUnixStream || place() == Place::kUnixDatagram) return Address::local(directory_.path("s"));
    return Address::ip(is_six() ? "::1" : "127.0.0.1", 0);
  }

  // All of them are there before the first is answered.
  template <class AnyClient>
  static void at_once(const Address& address, int count) {
    std::vector<AnyClient> clients;
    for (int i = 0; i < count; ++i) clients.emplace_back(address);
    for (int i = 0; i < count; ++i) clients.at(static_cast<std::size_t>(i)).send(text(i));
    for (int i = 0; i < count; ++i) EXPECT_EQ(answer(clients.at(static_cast<std::size_t>(i))), text(i));
  }
  static std::string text(int i) { return "client " + std::to_string(i) + "\n"; }
  static std::string answer(Client& client) {
    client.end_writing();
    return client.receive_all();
  }
  static std::string answer(DatagramClient& client) { return client.receive(); }

  testing::TemporaryDirectory directory_;
};

TEST_P(MatrixTest, ServesOneAfterTheOtherAndFiftyAtOnceAndLeavesNothing) {
  if (is_six()) {
    if (const auto why = testing::no_ipv6_because(); !why.empty()) GTEST_SKIP() << why;
  }
  {
    const Body run = models_at(place()).at(std::get<1>(GetParam()));
    ServerProcess server([&](Report& report) { run(report, wanted()); });
    for (int count : {1, 1, 1, 50}) {
      if (is_stream()) {
        at_once<Client>(server.address(), count);
      } else {
        at_once<DatagramClient>(server.address(), count);
      }
    }
    server.stop();
  }
  EXPECT_EQ(directory_.files(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, MatrixTest,
                         ::testing::Combine(::testing::Values(Place::kTcp4, Place::kTcp6, Place::kUdp4, Place::kUdp6,
                                                              Place::kUnixStream, Place::kUnixDatagram),
                                            ::testing::Range(std::size_t{0}, kModelNames.size())),
                         [](const auto& each) {
                           return std::string(kPlaceNames.at(static_cast<std::size_t>(std::get<0>(each.param)))) +
                                  kModelNames.at(std::get<1>(each.param));
                         });

}  // namespace
}  // namespace socketserver
