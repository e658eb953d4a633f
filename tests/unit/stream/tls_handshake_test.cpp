// The TLS handshake: who is refused and how, and that it never outlasts its deadline.
#include <gtest/gtest.h>

#include <future>

#include "common/event_fd.h"
#include "common/stream/plain_stream.h"
#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/odd_peer.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

using Established = Result<std::unique_ptr<TlsStream>>;

Deadline soon() {
  return Deadline::after(std::chrono::seconds(30));
}

// Our server against an odd client: the server's outcome, and whether the client believes in its own.
struct ServerOutcome {
  Established server;
  bool client_done = false;
  int client_alert = -1;
};

ServerOutcome serve(const OddPeerOptions& options) {
  SocketPair sockets = make_tcp_sockets();
  auto odd = std::async(std::launch::async, [&] {
    OddPeer peer(std::move(sockets.client), options);
    const bool done = peer.shake_hands();
    // In TLS 1.3 a client is done before the server has judged it: the refusal comes with the first read.
    if (done) peer.read_some();
    return std::pair(done, peer.alert());
  });
  auto server = TlsStream::accept(std::move(sockets.server), tls_world().server, soon());
  if (server) close_write(**server);
  auto [done, alert] = odd.get();
  return {std::move(server), done, alert};
}

OddPeerOptions honest_client() {
  return {.files = tls_world().client_key.files};
}
OddPeerOptions honest_server() {
  return {.server = true, .files = tls_world().server_key.files};
}

TEST(TlsServer, AcceptsAClientThatKeepsTheRules) {
  const ServerOutcome outcome = serve(honest_client());
  ASSERT_TRUE(outcome.server) << outcome.server.error().message;
  EXPECT_TRUE(outcome.client_done);
  EXPECT_EQ((*outcome.server)->peer_pin(), tls_world().client_key.pin);
}

TEST(TlsServer, AClientWithoutACertificateIsRefused) {
  OddPeerOptions options = honest_client();
  options.files.reset();
  const ServerOutcome outcome = serve(options);
  ASSERT_FALSE(outcome.server);
  EXPECT_EQ(outcome.server.error().code, ErrorCode::kRefused);
  EXPECT_EQ(outcome.client_alert, SSL_AD_CERTIFICATE_REQUIRED);
}

TEST(TlsServer, AClientThatOffersNoAlpnIsRefusedInsideTheHandshake) {
  OddPeerOptions options = honest_client();
  options.alpn.reset();
  const ServerOutcome outcome = serve(options);
  ASSERT_FALSE(outcome.server);
  EXPECT_EQ(outcome.server.error().code, ErrorCode::kProtocol);
  EXPECT_FALSE(outcome.client_done);
  EXPECT_EQ(outcome.client_alert, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST(TlsServer, AClientThatOffersAnotherAlpnIsRefusedInsideTheHandshake) {
  for (const char* name : {"h2", "farhand/2", "farhand/11", "arhand/1"}) {
    OddPeerOptions options = honest_client();
    options.alpn = name;
    const ServerOutcome outcome = serve(options);
    ASSERT_FALSE(outcome.server) << name;
    EXPECT_FALSE(outcome.client_done) << name;
    EXPECT_EQ(outcome.client_alert, SSL_AD_NO_APPLICATION_PROTOCOL) << name;
  }
}

TEST(TlsServer, Tls12IsRefused) {
  OddPeerOptions options = honest_client();
  options.version = TLS1_2_VERSION;
  const ServerOutcome outcome = serve(options);
  ASSERT_FALSE(outcome.server);
  EXPECT_EQ(outcome.server.error().code, ErrorCode::kProtocol);
  EXPECT_NE(outcome.server.error().message.find("TLS 1.3"), std::string::npos) << outcome.server.error().message;
  EXPECT_FALSE(outcome.client_done);
}

// Our client against an odd server, which counts the application's bytes it sees.
struct ClientOutcome {
  Established client;
  bool server_done = false;
  std::string server_saw;
  int server_alert = -1;
};

ClientOutcome connect_to(const OddPeerOptions& options, const TlsContext& context = tls_world().client) {
  SocketPair sockets = make_tcp_sockets();
  auto odd = std::async(std::launch::async, [&] {
    OddPeer peer(std::move(sockets.server), options);
    const bool done = peer.shake_hands();
    const std::string saw = done ? peer.read_some() : std::string();
    return std::tuple(done, saw, peer.alert());
  });
  auto client = TlsStream::connect(std::move(sockets.client), context, soon());
  if (client) write_all(**client, "application");
  auto [done, saw, alert] = odd.get();
  return {std::move(client), done, saw, alert};
}

TEST(TlsClient, ConnectsToAServerThatKeepsTheRules) {
  const ClientOutcome outcome = connect_to(honest_server());
  ASSERT_TRUE(outcome.client) << outcome.client.error().message;
  EXPECT_EQ(outcome.server_saw, "application");
  EXPECT_EQ((*outcome.client)->peer_pin(), tls_world().server_key.pin);
}

TEST(TlsClient, AWrongPinStopsItBeforeAnyApplicationByte) {
  const TlsWorld& world = tls_world();
  const auto context = TlsContext::for_client(world.client_key.files, world.client_key.pin);
  const ClientOutcome outcome = connect_to(honest_server(), *context);
  ASSERT_FALSE(outcome.client);
  const Error& error = outcome.client.error();
  EXPECT_EQ(error.code, ErrorCode::kWrongIdentity);
  EXPECT_NE(error.message.find("expected " + pin_text(world.client_key.pin)), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("got " + pin_text(world.server_key.pin)), std::string::npos) << error.message;
  EXPECT_FALSE(outcome.server_done);
  EXPECT_EQ(outcome.server_saw, "");
  EXPECT_EQ(outcome.server_alert, SSL_AD_BAD_CERTIFICATE);
}

TEST(TlsClient, AServerThatSelectsNoAlpnIsRefusedInsideTheHandshake) {
  OddPeerOptions options = honest_server();
  options.alpn.reset();
  const ClientOutcome outcome = connect_to(options);
  ASSERT_FALSE(outcome.client);
  EXPECT_EQ(outcome.client.error().code, ErrorCode::kProtocol);
  EXPECT_FALSE(outcome.server_done);
  EXPECT_EQ(outcome.server_saw, "");
}

TEST(TlsClient, AServerThatSelectsAnotherAlpnIsRefusedInsideTheHandshake) {
  for (const char* name : {"h2", "farhand/2", "farhand/"}) {
    OddPeerOptions options = honest_server();
    options.alpn = name;
    const ClientOutcome outcome = connect_to(options);
    ASSERT_FALSE(outcome.client) << name;
    EXPECT_EQ(outcome.client.error().code, ErrorCode::kProtocol) << name;
    EXPECT_FALSE(outcome.server_done) << name;
  }
}

TEST(TlsClient, Tls12IsRefused) {
  OddPeerOptions options = honest_server();
  options.version = TLS1_2_VERSION;
  const ClientOutcome outcome = connect_to(options);
  ASSERT_FALSE(outcome.client);
  EXPECT_FALSE(outcome.server_done);
}

TEST(TlsClient, LearnsFromTheServersAlertInWords) {
  SocketPair sockets = make_tcp_sockets();
  const auto context = TlsContext::for_client(tls_world().client_key.files, KeyPin{});
  auto connecting = std::async(
      std::launch::async, [&] { return TlsStream::connect(std::move(sockets.client), *context, soon()).error().code; });
  const auto server = TlsStream::accept(std::move(sockets.server), tls_world().server, soon());
  EXPECT_EQ(connecting.get(), ErrorCode::kWrongIdentity);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kConnectionLost);
  EXPECT_NE(server.error().message.find("refused this side's key"), std::string::npos) << server.error().message;
}

TEST(TlsHandshake, EveryKindOfKeyWorksOnEitherSide) {
  const TemporaryDirectory directory;
  const TestKey ed = make_test_key(directory.path(), "ed", KeyKind::kEd25519);
  const TestKey ec = make_test_key(directory.path(), "ec", KeyKind::kP256);
  const TestKey rsa = make_test_key(directory.path(), "rsa", KeyKind::kRsa2048);
  for (const TestKey* server_key : {&ed, &ec, &rsa}) {
    for (const TestKey* client_key : {&ed, &ec, &rsa}) {
      const auto server_side = TlsContext::for_server(server_key->files);
      const auto client_side = TlsContext::for_client(client_key->files, server_key->pin);
      SocketPair sockets = make_unix_sockets();
      auto accepting = std::async(std::launch::async,
                                  [&] { return TlsStream::accept(std::move(sockets.server), *server_side, soon()); });
      const auto client = TlsStream::connect(std::move(sockets.client), *client_side, soon());
      const auto server = accepting.get();
      ASSERT_TRUE(client && server);
      EXPECT_EQ((*server)->peer_pin(), client_key->pin);
      EXPECT_EQ((*client)->peer_pin(), server_key->pin);
    }
  }
}

TEST(TlsHandshake, ASilentPeerIsTimedOutAtTheDeadline) {
  for (const bool server : {true, false}) {
    SocketPair sockets = make_tcp_sockets();
    const auto start = Deadline::Clock::now();
    const Deadline deadline = Deadline::after(std::chrono::milliseconds(150));
    const auto outcome = server ? TlsStream::accept(std::move(sockets.server), tls_world().server, deadline)
                                : TlsStream::connect(std::move(sockets.server), tls_world().client, deadline);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kTimedOut);
    EXPECT_GE(Deadline::Clock::now() - start, std::chrono::milliseconds(150));
    EXPECT_LT(Deadline::Clock::now() - start, std::chrono::seconds(20));
  }
}

TEST(TlsHandshake, APeerThatTricklesBytesIsTimedOutAllTheSame) {
  SocketPair sockets = make_tcp_sockets();
  auto accepting = std::async(std::launch::async, [&] {
    return TlsStream::accept(std::move(sockets.server), tls_world().server,
                             Deadline::after(std::chrono::milliseconds(200)));
  });
  // A record header that announces 512 bytes, and then one at a time, as fast as the other side takes them.
  const std::string start("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  const auto trickle = make_plain_stream(std::move(sockets.client));
  write_all(*trickle, start);
  while (accepting.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout) {
    if (!trickle->try_write(bytes_of("x"))) break;
  }
  const auto outcome = accepting.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kTimedOut);
}

TEST(TlsHandshake, TheStopDescriptorEndsTheWait) {
  SocketPair sockets = make_tcp_sockets();
  EventFd stop;
  auto accepting = std::async(std::launch::async, [&] {
    return TlsStream::accept(std::move(sockets.server), tls_world().server, soon(), stop.fd());
  });
  stop.ring();
  const auto outcome = accepting.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInterrupted);
}

TEST(TlsHandshake, APeerThatClosesIsConnectionLost) {
  for (const bool server : {true, false}) {
    SocketPair sockets = make_tcp_sockets();
    sockets.client.reset();
    const auto outcome = server ? TlsStream::accept(std::move(sockets.server), tls_world().server, soon())
                                : TlsStream::connect(std::move(sockets.server), tls_world().client, soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kConnectionLost);
  }
}

}  // namespace
}  // namespace farhand::test
