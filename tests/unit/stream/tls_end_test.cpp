// How a TLS connection ends: with close_notify, and every other way is an error.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <future>

#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/odd_peer.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

// A stream of ours, and the other end on bare OpenSSL, which can end as rudely as it likes.
struct OddPair {
  std::unique_ptr<TlsStream> stream;
  std::unique_ptr<OddPeer> peer;
};

OddPair make_odd_pair(bool stream_is_server, SocketPair sockets = make_tcp_sockets()) {
  const TlsWorld& world = tls_world();
  UniqueFd& ours = stream_is_server ? sockets.server : sockets.client;
  UniqueFd& theirs = stream_is_server ? sockets.client : sockets.server;
  const TlsFiles& files = stream_is_server ? world.client_key.files : world.server_key.files;
  auto peer = std::make_unique<OddPeer>(std::move(theirs), OddPeerOptions{.server = !stream_is_server, .files = files});
  auto shaking = std::async(std::launch::async, [&] { return peer->shake_hands(); });
  auto stream = stream_is_server ? TlsStream::accept(std::move(ours), world.server, test_deadline())
                                 : TlsStream::connect(std::move(ours), world.client, test_deadline());
  EXPECT_TRUE(shaking.get());
  if (!stream) throw StreamFailure{stream.error()};
  return {*std::move(stream), std::move(peer)};
}

class TlsEnd : public testing::TestWithParam<bool> {};

void expect_cut_off(TlsStream& stream) {
  std::array<std::byte, 64> buffer{};
  for (int i = 0; i < 2; ++i) {
    const auto got = read_outcome(stream, buffer);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ErrorCode::kConnectionLost);
    EXPECT_NE(got.error().message.find("cut off"), std::string::npos) << got.error().message;
  }
  EXPECT_FALSE(stream.has_buffered());
  EXPECT_FALSE(stream.try_write(bytes_of("x")));
}

TEST_P(TlsEnd, WithCloseNotifyIsProper) {
  OddPair pair = make_odd_pair(GetParam());
  pair.peer->write("all of it");
  SSL_shutdown(pair.peer->ssl());
  pair.peer->close_socket();
  EXPECT_EQ(read_to_end(*pair.stream), "all of it");
}

TEST_P(TlsEnd, WithoutCloseNotifyAtTheEdgeOfARecordIsAnError) {
  OddPair pair = make_odd_pair(GetParam());
  pair.peer->write("whole record");
  pair.peer->close_socket();
  EXPECT_EQ(read_exactly(*pair.stream, 12), "whole record");
  expect_cut_off(*pair.stream);
}

TEST_P(TlsEnd, WithoutAnyRecordIsAnError) {
  OddPair pair = make_odd_pair(GetParam());
  pair.peer->close_socket();
  expect_cut_off(*pair.stream);
}

TEST_P(TlsEnd, WithinARecordIsAnErrorAndGivesNothingOfIt) {
  OddPair pair = make_odd_pair(GetParam());
  const std::string torn("\x17\x03\x03\x00\x40half of it", 15);
  ASSERT_EQ(::send(pair.peer->fd(), torn.data(), torn.size(), MSG_NOSIGNAL), 15);
  pair.peer->close_socket();
  expect_cut_off(*pair.stream);
}

TEST_P(TlsEnd, BytesBeforeACutAreDeliveredFirstAndTheErrorIsBuffered) {
  OddPair pair = make_odd_pair(GetParam());
  pair.peer->write("first");
  pair.peer->close_socket();
  std::array<std::byte, 64> buffer{};
  const auto got = read_outcome(*pair.stream, buffer);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->bytes, 5U);
  expect_cut_off(*pair.stream);
}

TEST_P(TlsEnd, OurEndIsACloseNotifyAndTheAnswerStillComes) {
  OddPair pair = make_odd_pair(GetParam());
  close_write(*pair.stream);
  EXPECT_EQ(pair.peer->read_some(), "");
  EXPECT_EQ(SSL_get_shutdown(pair.peer->ssl()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
  pair.peer->write("the answer");
  EXPECT_EQ(read_exactly(*pair.stream, 10), "the answer");
}

// The answer to a KeyUpdate would come after our end; it must not break the half of the connection that is still open.
TEST_P(TlsEnd, AKeyUpdateAfterOurEndDoesNotDisturbReading) {
  OddPair pair = make_odd_pair(GetParam());
  close_write(*pair.stream);
  ASSERT_EQ(SSL_key_update(pair.peer->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  pair.peer->write("the answer");
  EXPECT_EQ(read_exactly(*pair.stream, 10), "the answer");
  EXPECT_FALSE(pair.stream->has_pending());
  SSL_shutdown(pair.peer->ssl());
  EXPECT_EQ(read_to_end(*pair.stream), "");
}

TEST_P(TlsEnd, AKeyUpdateBetweenIsAnsweredAndNothingIsLost) {
  OddPair pair = make_odd_pair(GetParam());
  for (const std::string word : {"one", "two", "six"}) {
    ASSERT_EQ(SSL_key_update(pair.peer->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    pair.peer->write(word);
    EXPECT_EQ(read_exactly(*pair.stream, 3), word);
    write_all(*pair.stream, word);
    EXPECT_EQ(pair.peer->read_some(), word);
  }
}

TEST(TlsServer, SendsNoSessionTicket) {
  OddPair pair = make_odd_pair(true);
  write_all(*pair.stream, "x");
  EXPECT_EQ(pair.peer->read_some(), "x");
  EXPECT_EQ(pair.peer->tickets(), 0);
}

INSTANTIATE_TEST_SUITE_P(Both, TlsEnd, testing::Bool(),
                         [](const auto& test) { return test.param ? "OnTheServer" : "OnTheClient"; });

bool throw_away_until_peer_is_through(OddPair& pair) {
  std::array<char, 8192> answers;
  std::array<std::byte, 64> buffer{};
  for (int i = 0; i < 10'000; ++i) {
    while (::recv(pair.peer->fd(), answers.data(), answers.size(), MSG_DONTWAIT) > 0) {
    }
    if (!pair.stream->try_flush() || !pair.stream->try_read(buffer)) return false;
    if (SSL_do_handshake(pair.peer->ssl()) == 1 && !pair.stream->has_pending()) return true;
  }
  return false;
}

// A peer that demands an answer again and again and reads none: our memory stays bounded, the peer is made to wait, and
// when it reads at last everything goes on.
TEST(TlsKeyUpdateFlood, IsBoundedAndPasses) {
  OddPair pair = make_odd_pair(true, make_unix_sockets(Buffers::kTiny));
  const int fd = pair.peer->fd();
  ASSERT_EQ(::fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  std::array<std::byte, 64> buffer{};
  bool peer_waits = false;
  int updates = 0;
  // 27 bytes an answer and 1 MiB of room: 39 000, and what the sockets hold.
  for (; updates < 100'000; ++updates) {
    SSL_key_update(pair.peer->ssl(), SSL_KEY_UPDATE_REQUESTED);
    if (SSL_do_handshake(pair.peer->ssl()) == 1) continue;
    const auto got = pair.stream->try_read(buffer);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->state, Transfer::State::kWouldBlock);
    if (SSL_do_handshake(pair.peer->ssl()) == 1) continue;
    peer_waits = true;
    break;
  }
  EXPECT_TRUE(peer_waits);
  EXPECT_LT(updates, 60'000);
  EXPECT_TRUE(pair.stream->has_pending());
  EXPECT_FALSE(pair.stream->has_buffered());
  // The peer throws the answers away unread: to read them in order OpenSSL would have to finish its writing first.
  ASSERT_TRUE(throw_away_until_peer_is_through(pair));
  ASSERT_EQ(pair.peer->write("after"), 5);
  EXPECT_EQ(read_exactly(*pair.stream, 5), "after");
}

}  // namespace
}  // namespace farhand::test
