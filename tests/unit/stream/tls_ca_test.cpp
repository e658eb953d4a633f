// Trust by a CA and a name: what OpenSSL's verification lets through on each side, and every flaw that it must not.
#include <gtest/gtest.h>

#include <future>

#include "common/stream/tls_identity.h"
#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/odd_peer.h"
#include "tests/unit/stream/stream_pair.h"
#include "tests/unit/stream/test_ca.h"

namespace farhand::test {
namespace {

using Established = Result<std::unique_ptr<TlsStream>>;

struct CaWorld {
  TemporaryDirectory directory;
  TestCa ca{directory.path(), "ca"};
  TestCa other_ca{directory.path(), "other"};
};

const CaWorld& world() {
  static const CaWorld made;
  return made;
}

struct Outcome {
  Established client;
  Established server;
};

Outcome meet(const TlsContext& client, const TlsContext& server) {
  SocketPair sockets = make_tcp_sockets();
  auto accepting = std::async(std::launch::async,
                              [&] { return TlsStream::accept(std::move(sockets.server), server, test_deadline()); });
  auto connected = TlsStream::connect(std::move(sockets.client), client, test_deadline());
  return {std::move(connected), accepting.get()};
}

// A client that trusts the CA under `name` meets a server that shows `shown`.
Established connect_to(const TlsIdentity& shown, const std::string& name = "localhost") {
  const auto client = TlsContext::for_client(tls_world().client_key.files, NamedByCa{world().ca.file(), name});
  const auto server = TlsContext::for_server(shown);
  if (!client) return fail(client.error());
  return meet(*client, server.value()).client;
}

// A client that shows `shown` meets a server that asks the CA.
Established accept_from(const TlsIdentity& shown) {
  const auto client = TlsContext::for_client(shown, tls_world().server_key.pin);
  const auto server = TlsContext::for_server(tls_world().server_key.files, world().ca.file());
  return meet(client.value(), server.value()).server;
}

void expect_untrusted(const Established& client, const std::string& why) {
  ASSERT_FALSE(client) << why;
  EXPECT_EQ(client.error().code, ErrorCode::kWrongIdentity);
  EXPECT_NE(client.error().message.find(why), std::string::npos) << client.error().message;
}

// ---------------------------------------------------------------------------------------------------------------------
// The client's side

TEST(TlsCaClient, AServerThatTheCaVouchesForUnderTheNameIsTrusted) {
  const auto client = connect_to(world().ca.issue({}));
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ((*client)->peer_subject(), "CN=alice,O=Example");
}

TEST(TlsCaClient, ASelfSignedServerIsNotTrusted) {
  expect_untrusted(connect_to(TlsIdentity{make_identity("localhost").value(), "own"}), "self-signed");
}

TEST(TlsCaClient, AServerOfAnotherCaIsNotTrusted) {
  expect_untrusted(connect_to(world().other_ca.issue({})), "unable to get local issuer");
}

TEST(TlsCaClient, AServerOfAnotherNameIsNotTrusted) {
  Wanted wanted;
  wanted.names = "DNS:elsewhere";
  expect_untrusted(connect_to(world().ca.issue(wanted)), "hostname mismatch");
  wanted.names = "DNS:*.example.org";
  EXPECT_TRUE(connect_to(world().ca.issue(wanted), "a.example.org"));
  expect_untrusted(connect_to(world().ca.issue(wanted), "a.b.example.org"), "hostname mismatch");
  expect_untrusted(connect_to(world().ca.issue(wanted), "example.org"), "hostname mismatch");
}

TEST(TlsCaClient, AnAddressIsComparedAsAnAddress) {
  Wanted wanted;
  wanted.names = "IP:127.0.0.1,IP:::1";
  EXPECT_TRUE(connect_to(world().ca.issue(wanted), "127.0.0.1"));
  EXPECT_TRUE(connect_to(world().ca.issue(wanted), "::1"));
  expect_untrusted(connect_to(world().ca.issue(wanted), "127.0.0.2"), "IP address mismatch");
  wanted.names = "DNS:127.0.0.1";
  expect_untrusted(connect_to(world().ca.issue(wanted), "127.0.0.1"), "IP address mismatch");
}

TEST(TlsCaClient, AnExpiredCertificateIsNotTrusted) {
  Wanted wanted;
  wanted.expired = true;
  expect_untrusted(connect_to(world().ca.issue(wanted)), "expired");
}

TEST(TlsCaClient, ACertificateForClientsIsNoServers) {
  Wanted wanted;
  wanted.usage = "clientAuth";
  expect_untrusted(connect_to(world().ca.issue(wanted)), "purpose");
}

TEST(TlsCaClient, AnEndCertificateVouchesForNobody) {
  expect_untrusted(connect_to(world().ca.pretender("pretender").issue({})), "invalid CA certificate");
  EXPECT_TRUE(connect_to(world().ca.below("entitled").issue({})));
}

TEST(TlsCaClient, AChainThroughIntermediatesIsFollowedToItsDepthAndNoFurther) {
  TestCa last = world().ca.below("below1");
  std::vector<TestCa> kept;
  for (int i = 2; i <= 4; ++i) {
    kept.push_back(std::move(last));
    last = kept.back().below("below" + std::to_string(i));
  }
  EXPECT_TRUE(connect_to(last.issue({}))) << "four above the leaf";
  EXPECT_FALSE(connect_to(last.below("below5").issue({}))) << "five";
}

TEST(TlsCaClient, ANameThatWouldSwitchTheCheckOffIsRefused) {
  for (const std::string& name : {std::string(), std::string(".example.org"), std::string("a\0b", 3)}) {
    const auto context = TlsContext::for_client(tls_world().client_key.files, NamedByCa{world().ca.file(), name});
    ASSERT_FALSE(context) << name;
    EXPECT_EQ(context.error().code, ErrorCode::kUsage);
  }
}

TEST(TlsCaClient, AFileThatHoldsNoCaIsRefusedByItsPath) {
  const TemporaryDirectory directory;
  directory.make_file("junk", "junk");
  directory.make_file("half", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  for (const std::string& file : {directory / "junk", directory / "half", directory / "missing"}) {
    const auto context = TlsContext::for_client(tls_world().client_key.files, NamedByCa{file, "localhost"});
    ASSERT_FALSE(context);
    EXPECT_NE(context.error().message.find(file), std::string::npos) << context.error().message;
    EXPECT_FALSE(TlsContext::for_server(tls_world().server_key.files, file));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The server's side

TEST(TlsCaServer, AClientThatTheCaVouchesForHasItsSubject) {
  const auto server = accept_from(world().ca.issue({}));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ((*server)->peer_subject(), "CN=alice,O=Example");
}

// Everybody else passes the handshake, which proves a key, and has no subject.
TEST(TlsCaServer, EveryFlawTakesTheSubjectAwayAndNotThePin) {
  Wanted expired;
  expired.expired = true;
  Wanted for_servers;
  for_servers.usage = "serverAuth";
  const TlsIdentity own{make_identity("alice").value(), "own"};
  for (const TlsIdentity& shown :
       {own, world().other_ca.issue({}), world().ca.issue(expired), world().ca.issue(for_servers)}) {
    const auto server = accept_from(shown);
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_EQ((*server)->peer_subject(), "");
    EXPECT_EQ((*server)->peer_pin(), pin_of_identity(shown.pem, "shown").value());
  }
}

TEST(TlsCaServer, WithoutACaThereAreNoSubjects) {
  const auto client = TlsContext::for_client(world().ca.issue({}), tls_world().server_key.pin);
  const auto server = meet(client.value(), tls_world().server).server;
  ASSERT_TRUE(server);
  EXPECT_EQ((*server)->peer_subject(), "");
}

TEST(TlsCaServer, SubjectsAreAsciiAndHoldTheirSpecialBytesApart) {
  Wanted wanted;
  for (const auto& [name, shown] : {std::pair<std::string, std::string>{"CN=a+b", "CN=a\\+b"},
                                    {"CN=\x1b[2J", "CN=\\1B[2J"},
                                    {"CN=M\xc3\xbcller", "CN=M\\C3\\BCller"}}) {
    wanted.subject = name;
    const auto server = accept_from(world().ca.issue(wanted));
    ASSERT_TRUE(server);
    EXPECT_EQ((*server)->peer_subject(), shown);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What a chain may cost

TEST(TlsCaServer, AnRsaKeyOver8192BitsAnywhereInTheListIsRefusedBeforeAnythingIsVerified) {
  const auto server_side = TlsContext::for_server(tls_world().server_key.files, world().ca.file());
  for (const int bits : {8192, 8193}) {
    const FakeRsa fake = make_fake_rsa(bits);
    SocketPair sockets = make_tcp_sockets();
    auto odd = std::async(std::launch::async, [&] {
      OddPeer peer(std::move(sockets.client), {.files = tls_world().client_key.files});
      SSL_add1_chain_cert(peer.ssl(), fake.certificate.get());
      if (peer.shake_hands()) peer.read_some();
    });
    auto server = TlsStream::accept(std::move(sockets.server), server_side.value(), test_deadline());
    if (server) close_write(**server);
    odd.get();
    const ErrorCode end = server ? ErrorCode::kInternal : server.error().code;
    EXPECT_EQ(end, bits == 8192 ? ErrorCode::kInternal : ErrorCode::kLimit) << bits;
  }
}

}  // namespace
}  // namespace farhand::test
