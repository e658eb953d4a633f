// Pairing against honest and hostile servers: who hears the secret, what is kept, and what stops it before it begins.
#include "client/commands/pair.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <functional>
#include <future>

#include "client/commands/hosts.h"
#include "client/connector.h"
#include "common/stream/tls_identity.h"
#include "common/stream/tls_stream.h"
#include "protocol/channel.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

constexpr PairingSecret kSecret{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Deadline soon() {
  return Deadline::after(std::chrono::seconds(30));
}

std::string frame(FrameKind kind, std::string_view parcel) {
  std::string text;
  append_slip(text, kind, parcel.size(), "");
  return text.append(parcel);
}

// A TLS server on loopback for one connection, whose conversation the test writes.
class OneServer {
 public:
  using Script = std::function<void(TlsStream&)>;

  explicit OneServer(Script script) : identity_(make_identity("server").value()) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), name, length) != 0 || ::listen(listener_.get(), 5) != 0) throw_errno("listen");
    if (::getsockname(listener_.get(), name, &length) != 0) throw_errno("getsockname");
    port_ = ntohs(address.sin_port);
    serving_ = std::async(std::launch::async, [this, script = std::move(script)] { return serve(script); });
  }
  ~OneServer() {
    if (serving_.valid()) {
      ::shutdown(listener_.get(), SHUT_RDWR);
      serving_.wait();
    }
  }
  OneServer(const OneServer&) = delete;
  OneServer& operator=(const OneServer&) = delete;

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] KeyPin pin() const { return pin_of_identity(identity_, "server").value(); }
  [[nodiscard]] std::string code() const { return pairing_code_text(PairingCode{pin(), kSecret}); }
  // How the handshake went: whose key came in. Waits.
  std::optional<KeyPin> visitor() { return serving_.get(); }

 private:
  std::optional<KeyPin> serve(const Script& script) const {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return std::nullopt;
    const auto context = TlsContext::for_server(TlsIdentity{identity_, "server"}).value();
    auto stream = TlsStream::accept(std::move(socket), context, soon());
    if (!stream) return std::nullopt;
    const KeyPin pin = (*stream)->peer_pin();
    script(**stream);
    return pin;
  }

  std::string identity_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::future<std::optional<KeyPin>> serving_;
};

// Everything that the client says until it ends its side.
std::string hear_all(TlsStream& stream) {
  std::string heard;
  std::array<std::byte, 4096> block;
  for (const Deadline deadline = soon(); !deadline.passed();) {
    const auto moved = stream.try_read(block);
    if (!moved || moved->state == Transfer::State::kEnd) break;
    heard += text_of(Bytes(block).first(moved->bytes));
    pollfd entry{stream.descriptor(), POLLIN, 0};
    if (moved->state == Transfer::State::kWouldBlock) ::poll(&entry, 1, deadline.poll_timeout());
  }
  return heard;
}

void say_and_leave(TlsStream& stream, const std::string& words) {
  (void)stream.try_write(bytes_of(words));
  (void)stream.try_close_write();
  hear_all(stream);
}

OneServer::Script says(std::string words) {
  return [words = std::move(words)](TlsStream& stream) {
    say_and_leave(stream, words);
  };
}

std::string paired_frame() {
  return frame(FrameKind::kPaired, encode(Paired{"me", {"exec"}}));
}

class PairTest : public testing::Test {
 protected:
  PairTest() {
    path_ = around_ / "config";
    ::setenv("FARHAND_CONFIG_DIR", path_.c_str(), 1);
  }
  ~PairTest() override { ::unsetenv("FARHAND_CONFIG_DIR"); }

  static Result<PairOutcome> pair(const OneServer& server, const std::string& alias = "web", bool replace = false) {
    return run_pair(PairCommand{server.host(), server.code(), alias, replace}, ClientOptions{});
  }
  static std::optional<KnownHost> known(const std::string& alias) {
    return KnownHosts::load(open_directory()).value().find_alias(alias).value();
  }
  static PrivateDirectory open_directory() {
    return PrivateDirectory::open_or_make(std::getenv("FARHAND_CONFIG_DIR")).value();
  }
  test::TemporaryDirectory around_;
  std::string path_;
};

TEST_F(PairTest, AnHonestServerIsKnownAfterwardsAndKnowsOurKey) {
  std::optional<Pair> heard;
  OneServer server([&](TlsStream& stream) {
    std::string text;
    std::array<std::byte, 4096> block;
    while (text.size() < 10 || text.size() < text.find('\n') + 1 + 16) {
      const auto moved = stream.try_read(block);
      if (!moved) return;
      text += text_of(Bytes(block).first(moved->bytes));
      pollfd entry{stream.descriptor(), POLLIN, 0};
      if (moved->bytes == 0) ::poll(&entry, 1, 1000);
    }
    const auto message = decode_pair(bytes_of(std::string_view(text).substr(text.find('\n') + 1)));
    if (message) heard = *message;
    say_and_leave(stream, paired_frame());
  });
  const auto outcome = pair(server);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->paired.name, "me");
  ASSERT_TRUE(known("web"));
  EXPECT_EQ(known("web")->pin, server.pin());
  EXPECT_EQ(host_text(known("web")->host), server.host());
  const std::string own = open_directory().read("rclient.pem").value();
  EXPECT_EQ(server.visitor(), pin_of_identity(own, "own").value()) << "the key that was shown is the one that is kept";
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->secret, kSecret);
  EXPECT_NE(heard->name.find('@'), std::string::npos);
}

TEST_F(PairTest, TheAliasIsTheHostsNameUnlessOneIsGiven) {
  OneServer server(says(paired_frame()));
  ASSERT_TRUE(pair(server, ""));
  EXPECT_TRUE(known("127.0.0.1"));
}

// AU-02: the secret goes to the holder of the key in the code, and to nobody else.
TEST_F(PairTest, AServerWithAnotherKeyHearsNothingAtAll) {
  std::string heard = "nothing yet";
  OneServer server([&](TlsStream& stream) { heard = hear_all(stream); });
  const std::string code = pairing_code_text(PairingCode{KeyPin{1, 2, 3}, kSecret});
  const auto outcome = run_pair(PairCommand{server.host(), code, "web", false}, ClientOptions{});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kWrongIdentity);
  EXPECT_NE(outcome.error().message.find(pin_text(server.pin())), std::string::npos) << "the one that was seen";
  EXPECT_NE(outcome.error().message.find(pin_text(KeyPin{1, 2, 3})), std::string::npos) << "the one in the code";
  (void)server.visitor();
  EXPECT_TRUE(heard == "nothing yet" || heard.empty()) << heard.size();
  EXPECT_FALSE(known("web"));
}

TEST_F(PairTest, ARefusalIsShownAndNothingIsKept) {
  OneServer server(says(frame(FrameKind::kError, encode(ErrorReport{ErrorCode::kRefused, true, "no\x1b[2J"}))));
  const auto outcome = pair(server);
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().remote);
  EXPECT_EQ(outcome.error().code, ErrorCode::kRefused);
  EXPECT_EQ(outcome.error().message.find('\x1b'), std::string::npos);
  EXPECT_FALSE(known("web"));
}

TEST_F(PairTest, WhateverElseAServerSaysIsAnErrorAndNothingIsKept) {
  for (const std::string& words :
       {std::string(), frame(FrameKind::kHello, encode(Hello{})), frame(FrameKind::kPaired, "nonsense"),
        std::string("bye|0|\n"), std::string("ping|0|\n"), std::string("paired|5000|\n"), std::string("paired|3|\nx"),
        std::string("HTTP/1.1 200 OK\r\n\r\n"), std::string("exit|0|\n")}) {
    OneServer server(says(words));
    const auto outcome = pair(server);
    ASSERT_FALSE(outcome) << words;
    EXPECT_TRUE(outcome.error().code == ErrorCode::kProtocol || outcome.error().code == ErrorCode::kConnectionLost ||
                outcome.error().code == ErrorCode::kLimit)
        << outcome.error().message;
    EXPECT_FALSE(known("web")) << words;
  }
}

TEST_F(PairTest, AnAliasOfAnotherServerStopsItBeforeAnythingIsSent) {
  {
    OneServer first(says(paired_frame()));
    ASSERT_TRUE(pair(first));
  }
  OneServer second(says(paired_frame()));
  const auto outcome = pair(second);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kWrongIdentity);
  EXPECT_NE(outcome.error().message.find("--replace"), std::string::npos) << outcome.error().message;
  EXPECT_NE(known("web")->pin, second.pin());
  ASSERT_TRUE(pair(second, "web", true)) << "the server is still waiting: nobody had come";
  EXPECT_EQ(known("web")->pin, second.pin());
}

TEST_F(PairTest, PairingAnewWithTheSameServerNeedsNoReplace) {
  OneServer server([](TlsStream& stream) { say_and_leave(stream, paired_frame()); });
  ASSERT_TRUE(
      remember_host(open_directory(), KnownHost{"web", parse_host("old:1").value(), server.pin(), {}, {}}, false));
  ASSERT_TRUE(pair(server));
  EXPECT_EQ(host_text(known("web")->host), server.host());
}

TEST_F(PairTest, MistakesAreToldBeforeAnythingIsConnected) {
  const std::string code = pairing_code_text(PairingCode{KeyPin{1}, kSecret});
  for (const PairCommand& command :
       {PairCommand{"unix:/x", code, "", false}, PairCommand{"plain:localhost:1", code, "", false},
        PairCommand{"-x", code, "", false}, PairCommand{"h", "junk", "", false}, PairCommand{"h", code, "a b", false},
        PairCommand{"h", code, "unix:x", false}}) {
    const auto outcome = run_pair(command, ClientOptions{});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kUsage) << outcome.error().message;
    EXPECT_EQ(outcome.error().message.find(code), std::string::npos);
  }
}

TEST_F(PairTest, AKnownHostWithAnotherKeyIsAHardStopThatSaysHowToPairAgain) {
  OneServer server([](TlsStream& stream) { hear_all(stream); });
  ASSERT_TRUE(
      remember_host(open_directory(), KnownHost{"web", parse_host(server.host()).value(), KeyPin{9}, {}, {}}, false));
  ClientOptions options;
  options.host = "web";
  const auto connector = Connector::make(options);
  ASSERT_TRUE(connector) << connector.error().message;
  const auto stream = connector->connect();
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, ErrorCode::kWrongIdentity);
  for (const std::string& word : {pin_text(server.pin()), pin_text(KeyPin{9}), std::string("rserver invite"),
                                  std::string("--as web --replace")}) {
    EXPECT_NE(stream.error().message.find(word), std::string::npos) << stream.error().message;
  }
}

TEST_F(PairTest, ForgettingTakesAwayOneHost) {
  for (const char* alias : {"a", "b"}) {
    ASSERT_TRUE(remember_host(open_directory(), KnownHost{alias, parse_host("h").value(), KeyPin{9}, {}, {}}, false));
  }
  EXPECT_NE(hosts_text(*run_hosts()).find("a  h:9922  sha256:09"), std::string::npos) << hosts_text(*run_hosts());
  ASSERT_TRUE(run_forget("a"));
  EXPECT_FALSE(known("a"));
  EXPECT_TRUE(known("b"));
  EXPECT_EQ(run_forget("a").error().code, ErrorCode::kNotFound);
  ::setenv("FARHAND_CONFIG_DIR", (around_ / "none").c_str(), 1);
  EXPECT_EQ(run_forget("a").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(run_hosts()->hosts().empty());
}

TEST(PairingCodes, OnTheCommandLineAreOverwritten) {
  std::string program = "rclient";
  std::string verb = "pair";
  std::string code = pairing_code_text(PairingCode{KeyPin{1}, kSecret});
  std::string other(80, 'x');
  std::array<char*, 4> argv{program.data(), verb.data(), code.data(), other.data()};
  hide_pairing_codes(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(code, std::string(80, '*'));
  EXPECT_EQ(verb, "pair");
  EXPECT_EQ(other, std::string(80, 'x'));
}

}  // namespace
}  // namespace farhand
