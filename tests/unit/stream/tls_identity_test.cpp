// Certificates that cost too much: refused before a signature of theirs is checked.
#include <gtest/gtest.h>

#include <future>

#include "common/stream/tls_pin_internal.h"
#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/odd_peer.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

// Our side's error when the peer shows `shown`.
Error show_to_server(const FakeRsa& shown) {
  SocketPair sockets = make_tcp_sockets();
  auto odd = std::async(std::launch::async, [&] {
    OddPeer peer(std::move(sockets.client), {});
    peer.show(shown.certificate.get(), shown.key.get());
    if (peer.shake_hands()) peer.read_some();
  });
  const auto server = TlsStream::accept(std::move(sockets.server), tls_world().server, test_deadline());
  odd.get();
  return server ? Error{ErrorCode::kInternal, "accepted"} : server.error();
}

Error show_to_client(const FakeRsa& shown) {
  SocketPair sockets = make_tcp_sockets();
  auto odd = std::async(std::launch::async, [&] {
    OddPeer peer(std::move(sockets.server), {.server = true});
    peer.show(shown.certificate.get(), shown.key.get());
    peer.shake_hands();
  });
  const auto context =
      TlsContext::for_client(tls_world().client_key.files, pin_of_certificate(shown.certificate.get()).value());
  const auto client = TlsStream::connect(std::move(sockets.client), *context, test_deadline());
  odd.get();
  return client ? Error{ErrorCode::kInternal, "accepted"} : client.error();
}

TEST(TlsIdentity, AnRsaKeyOver8192BitsIsRefusedByItsSize) {
  const FakeRsa huge = make_fake_rsa(8193);
  EXPECT_EQ(show_to_server(huge).code, ErrorCode::kLimit);
  EXPECT_EQ(show_to_client(huge).code, ErrorCode::kLimit);
}

// Its size passes; only its signature, which the fake key cannot make, does not.
TEST(TlsIdentity, AnRsaKeyOf8192BitsIsJudgedByItsSignature) {
  const FakeRsa large = make_fake_rsa(8192);
  EXPECT_EQ(show_to_server(large).code, ErrorCode::kProtocol);
  EXPECT_EQ(show_to_client(large).code, ErrorCode::kProtocol);
}

TEST(TlsIdentity, ACertificateListOver16KiBIsRefused) {
  SocketPair sockets = make_tcp_sockets();
  auto odd = std::async(std::launch::async, [&] {
    OddPeer peer(std::move(sockets.client), {.files = tls_world().client_key.files});
    for (int i = 0; i < 100; ++i) SSL_add1_chain_cert(peer.ssl(), SSL_get_certificate(peer.ssl()));
    if (peer.shake_hands()) peer.read_some();
  });
  const auto server = TlsStream::accept(std::move(sockets.server), tls_world().server, test_deadline());
  odd.get();
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kProtocol);
  EXPECT_NE(server.error().message.find("excessive message size"), std::string::npos) << server.error().message;
}

}  // namespace
}  // namespace farhand::test
