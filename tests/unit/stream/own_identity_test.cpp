// Identities that we make ourselves: of use for TLS, kept privately, made once.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <set>

#include "common/stream/tls_identity.h"
#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

TlsIdentity made(const std::string& name) {
  return {make_identity(name).value(), name};
}

TEST(OwnIdentity, ShakesHandsOnBothSides) {
  const TlsIdentity server = made("server");
  const TlsIdentity client = made("client");
  const auto server_side = TlsContext::for_server(server);
  const auto client_side = TlsContext::for_client(client, pin_of_identity(server.pem, "server").value());
  ASSERT_TRUE(server_side) << server_side.error().message;
  ASSERT_TRUE(client_side) << client_side.error().message;
  SocketPair sockets = make_tcp_sockets();
  auto accepting = std::async(
      std::launch::async, [&] { return TlsStream::accept(std::move(sockets.server), *server_side, test_deadline()); });
  const auto connected = TlsStream::connect(std::move(sockets.client), *client_side, test_deadline());
  const auto accepted = accepting.get();
  ASSERT_TRUE(connected) << connected.error().message;
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ((*accepted)->peer_pin(), pin_of_identity(client.pem, "client").value());
}

TEST(OwnIdentity, NoTwoAreAlike) {
  EXPECT_NE(pin_of_identity(make_identity("a").value(), "a").value(),
            pin_of_identity(make_identity("a").value(), "a").value());
}

TEST(OwnIdentity, AnyNameWillDo) {
  for (const std::string& name :
       {std::string(), std::string(1000, 'x'), std::string("\0\x1b\xff", 3), std::string("a/b=c")}) {
    const auto identity = make_identity(name);
    ASSERT_TRUE(identity);
    EXPECT_TRUE(pin_of_identity(*identity, "made"));
  }
}

TEST(OwnIdentity, ATextThatHoldsNoneIsNamed) {
  for (const char* text : {"", "junk"}) {
    const auto pin = pin_of_identity(text, "/keys/rclient.pem");
    ASSERT_FALSE(pin);
    EXPECT_NE(pin.error().message.find("'/keys/rclient.pem'"), std::string::npos) << pin.error().message;
    EXPECT_FALSE(TlsContext::for_server(TlsIdentity{text, "x"}));
  }
  const auto half = TlsContext::for_server(TlsIdentity{made("x").pem.substr(0, 300), "/keys/half"});
  ASSERT_FALSE(half);
  EXPECT_NE(half.error().message.find("/keys/half"), std::string::npos);
}

TEST(OwnIdentity, IsMadeOnFirstUseAndKeptForItsOwnerAlone) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  const auto first = load_or_make_identity(directory, "id.pem");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(load_or_make_identity(directory, "id.pem").value(), *first);
  struct stat status {};
  ASSERT_EQ(::stat((around / "keys/id.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST(OwnIdentity, OneThatIsOpenToOthersIsRefusedAndNotReplaced) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  const std::string first = load_or_make_identity(directory, "id.pem").value();
  ::chmod((around / "keys/id.pem").c_str(), 0644);
  const auto refused = load_or_make_identity(directory, "id.pem");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos);
  ::chmod((around / "keys/id.pem").c_str(), 0600);
  EXPECT_EQ(load_or_make_identity(directory, "id.pem").value(), first);
}

TEST(OwnIdentity, WhoeverMakesItAtOnceGetsTheSame) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  std::vector<std::future<std::string>> makers;
  for (int i = 0; i < 8; ++i) {
    makers.push_back(
        std::async(std::launch::async, [&] { return load_or_make_identity(directory, "id.pem").value(); }));
  }
  std::set<std::string> seen;
  for (auto& maker : makers) seen.insert(maker.get());
  EXPECT_EQ(seen.size(), 1u);
}

}  // namespace
}  // namespace farhand::test
