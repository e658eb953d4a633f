// Bytes that are not TLS, where a handshake was expected: refused at once and named.
#include <gtest/gtest.h>

#include "common/stream/plain_stream.h"
#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

struct Stranger {
  std::string name;
  std::string says;
  std::string hint;
};

void PrintTo(const Stranger& stranger, std::ostream* out) {
  *out << stranger.name;
}

class TlsStranger : public testing::TestWithParam<Stranger> {
 protected:
  // The outcome of a handshake with a peer that says GetParam().says and waits.
  static Error meet(bool as_server) {
    SocketPair sockets = make_tcp_sockets();
    const auto stranger = make_plain_stream(std::move(sockets.client));
    write_all(*stranger, GetParam().says);
    // Far beyond what a refusal takes: a test that gets here has waited for the stranger.
    const Deadline deadline = Deadline::after(std::chrono::seconds(30));
    const auto outcome = as_server ? TlsStream::accept(std::move(sockets.server), tls_world().server, deadline)
                                   : TlsStream::connect(std::move(sockets.server), tls_world().client, deadline);
    return outcome ? Error{ErrorCode::kInternal, "accepted"} : outcome.error();
  }
};

TEST_P(TlsStranger, IsRefusedByTheServerWithAHint) {
  const Error error = meet(true);
  EXPECT_EQ(error.code, ErrorCode::kProtocol);
  EXPECT_NE(error.message.find(GetParam().hint), std::string::npos) << error.message;
}

TEST_P(TlsStranger, IsRefusedByTheClientWithAHint) {
  const Error error = meet(false);
  EXPECT_EQ(error.code, ErrorCode::kProtocol);
  EXPECT_NE(error.message.find(GetParam().hint), std::string::npos) << error.message;
}

INSTANTIATE_TEST_SUITE_P(All, TlsStranger,
                         testing::Values(Stranger{"HttpRequest", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"},
                                         Stranger{"HttpAnswer", "HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"},
                                         Stranger{"Ssh", "SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"},
                                         Stranger{"PlainFarhand", "hello|120|\n", "Farhand without TLS"},
                                         Stranger{"ControlBytes", "\x1b[2Jevil\x07 bytes", "first bytes are '\\x1b[2J"},
                                         Stranger{"HighBytes", std::string(64, '\xff'), "first bytes are '\\xff"}),
                         [](const auto& test) { return test.param.name; });

TEST(TlsStrangerRecord, ARecordOfGarbageIsRefusedAtOnce) {
  SocketPair sockets = make_tcp_sockets();
  const auto stranger = make_plain_stream(std::move(sockets.client));
  write_all(*stranger, std::string("\x16\x03\x01\x00\x20", 5) + pattern(32));
  const auto outcome =
      TlsStream::accept(std::move(sockets.server), tls_world().server, Deadline::after(std::chrono::seconds(30)));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
}

}  // namespace
}  // namespace farhand::test
