// rserver's command line: which addresses are permitted to whom.
#include "server/config.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/paths.h"

namespace farhand {
namespace {

enum class User { kRoot, kOrdinary };

Result<ServerCommandLine> parse(std::vector<const char*> words, User user = User::kOrdinary) {
  words.insert(words.begin(), "rserver");
  return parse_server_command_line(static_cast<int>(words.size()), words.data(), user == User::kRoot);
}

ServerConfig config_of(const std::vector<const char*>& words, User user = User::kOrdinary) {
  const auto line = parse(words, user);
  EXPECT_TRUE(line) << (line ? "" : line.error().message);
  if (!line || !line->config) return {};
  return *line->config;
}

// The sentence; empty and a failed test if it was accepted.
std::string complaint_about(const std::vector<const char*>& words, User user = User::kOrdinary) {
  const auto line = parse(words, user);
  if (line) {
    ADD_FAILURE() << "it was accepted: " << (words.empty() ? "" : words.back());
    return {};
  }
  EXPECT_EQ(line.error().code, ErrorCode::kUsage);
  return line.error().message;
}

const char* const kPin = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::vector<const char*> with_tls(std::vector<const char*> words) {
  for (const char* word : {"--tls-cert", "c.pem", "--tls-key", "k.pem", "--tls-client-pin", kPin})
    words.push_back(word);
  return words;
}

TEST(ServerConfig, WithoutOptionsItIsTheOwnUnixSocketAndTheCurrentDirectory) {
  for (const User user : {User::kRoot, User::kOrdinary}) {
    const ServerConfig config = config_of({}, user);
    ASSERT_EQ(config.listen.size(), 1u);
    EXPECT_EQ(config.listen[0].kind, Host::Kind::kUnix);
    EXPECT_EQ(config.listen[0].path, default_socket_path());
    EXPECT_EQ(config.root, ".");
    EXPECT_FALSE(config.insecure);
    EXPECT_FALSE(config.verbose);
  }
}

TEST(ServerConfig, ListenReplacesTheDefaultAndMayBeRepeated) {
  const ServerConfig config = config_of(
      {"--insecure", "--listen", "unix:/a,b", "--listen=127.0.0.1:0", "--listen", "[::1]:81", "--root", "/srv"});
  ASSERT_EQ(config.listen.size(), 3u);
  EXPECT_EQ(config.listen[0].path, "/a,b");
  EXPECT_EQ(config.listen[1].name, "127.0.0.1");
  EXPECT_EQ(config.listen[1].port, 0);
  EXPECT_EQ(config.listen[2].name, "::1");
  EXPECT_EQ(config.listen[2].port, 81);
  EXPECT_EQ(config.root, "/srv");
}

TEST(ServerConfig, ABracketedAddressWithoutAPortIsOneAddress) {
  const ServerConfig config = config_of({"--insecure", "--listen", "[::1]"});
  ASSERT_EQ(config.listen.size(), 1u);
  EXPECT_EQ(config.listen[0].name, "::1");
  EXPECT_EQ(config.listen[0].port, kDefaultPort);
}

TEST(ServerConfig, RootServesTcpInProcessesUnderTlsAndForKeysWithAUser) {
  EXPECT_EQ(config_of({"--listen", "unix:/run/x"}, User::kRoot).listen.size(), 1u);
  complaint_about({"--insecure", "--listen", "127.0.0.1:0"}, User::kRoot);
  complaint_about({"--insecure", "--listen", "plain:127.0.0.1:0"}, User::kRoot);
  complaint_about(with_tls({"--listen", "127.0.0.1:0"}), User::kRoot);
  complaint_about(with_tls({"--listen", "unix:/run/x", "--listen", "example.org"}), User::kRoot);
  EXPECT_EQ(config_of({"--listen", "127.0.0.1:0"}, User::kRoot).listen.size(), 1u);
  const std::string threads = complaint_about({"--listen", "127.0.0.1:0", "--model", "thread"}, User::kRoot);
  EXPECT_NE(threads.find("privileges"), std::string::npos) << threads;
}

TEST(ServerConfig, TheModelIsThreadAndForRootProcess) {
  EXPECT_EQ(config_of({}).model, Model::kThread);
  EXPECT_EQ(config_of({}, User::kRoot).model, Model::kProcess);
  EXPECT_EQ(config_of({"--model", "process"}).model, Model::kProcess);
  EXPECT_EQ(config_of({"--model", "thread"}, User::kRoot).model, Model::kThread);
  complaint_about({"--model", "fibre"});
}

TEST(ServerConfig, OnlyRootInTheProcessModelCanAllowOtherUsers) {
  EXPECT_EQ(config_of({"--allow-user", "a", "--allow-user", "b"}, User::kRoot).allow_users.size(), 2u);
  complaint_about({"--allow-user", "a"});
  complaint_about({"--allow-user", "a", "--model", "thread"}, User::kRoot);
}

TEST(ServerConfig, InsecureIsForLoopbackOnly) {
  for (const char* address : {"127.0.0.1:1", "127.255.0.3:1", "[::1]:1", "localhost:1", "plain:127.0.0.1:1"}) {
    const ServerConfig config = config_of({"--insecure", "--listen", address});
    ASSERT_EQ(config.listen.size(), 1u) << address;
    EXPECT_EQ(config.listen[0].kind, Host::Kind::kPlain) << address;
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "192.168.0.1:1", "128.0.0.1:1", "example.org:1",
                              "localhost.evil.org:1", "[::ffff:1.2.3.4]:1", "127.0.0.1.nip.io:1", "2130706433:1"}) {
    complaint_about({"--insecure", "--listen", address});
  }
}

TEST(ServerConfig, InsecureStaysForLoopbackWithKeysGivenToo) {
  complaint_about(with_tls({"--insecure", "--listen", "0.0.0.0:1"}));
}

TEST(ServerConfig, APlainAddressTakesInsecure) {
  EXPECT_NE(complaint_about({"--listen", "plain:127.0.0.1:1"}).find("--insecure"), std::string::npos);
  complaint_about(with_tls({"--listen", "plain:127.0.0.1:1"}));
}

TEST(ServerConfig, ANetworkAddressTakesNoOptionsAtAll) {
  const ServerConfig config = config_of({"--listen", "0.0.0.0:9922"});
  ASSERT_EQ(config.listen.size(), 1u);
  EXPECT_EQ(config.listen[0].kind, Host::Kind::kTls);
  EXPECT_TRUE(config.tls.certificate.empty());
  EXPECT_TRUE(config.client_pins.empty());
}

TEST(ServerConfig, CertificateAndKeyGoTogether) {
  const ServerConfig config = config_of(with_tls({"--listen", "0.0.0.0:9922"}));
  ASSERT_EQ(config.listen.size(), 1u);
  EXPECT_EQ(config.listen[0].kind, Host::Kind::kTls);
  EXPECT_EQ(config.tls.certificate, "c.pem");
  EXPECT_EQ(config.tls.key, "k.pem");
  ASSERT_EQ(config.client_pins.size(), 1u);
  EXPECT_EQ(pin_text(config.client_pins[0]), kPin);
  complaint_about({"--listen", "0.0.0.0:9922", "--tls-key", "k", "--tls-client-pin", kPin});
  complaint_about({"--tls-cert", "c"});
  complaint_about({"--tls-key", "k"});
}

TEST(ServerConfig, PinsMayBeRepeatedAndMustBePins) {
  EXPECT_EQ(config_of(with_tls({"--tls-client-pin", kPin})).client_pins.size(), 2u);
  complaint_about({"--tls-client-pin", "sha256:00"});
  complaint_about({"--tls-client-pin", ""});
}

TEST(ServerConfig, MalformedAddressesAreRefusedEscaped) {
  for (const char* address : {"", "unix:", "host:99999", "host:x", "-x:1", "[::1", "a\x1b[31m:1"}) {
    EXPECT_EQ(complaint_about({"--insecure", "--listen", address}).find('\x1b'), std::string::npos);
  }
}

TEST(ServerConfig, UnknownWordsAreRefused) {
  complaint_about({"--bogus"});
  complaint_about({"word"});
  complaint_about({"--listen"});
}

// Found: a list option of CLI11 goes on taking words, and takes "[a,b]" apart, unless allow_extra_args(false).
TEST(ServerConfig, AListenTakesOneAddress) {
  complaint_about({"--listen", "unix:/a", "unix:/b"});
  complaint_about({"--insecure", "--listen", "[127.0.0.1:1,127.0.0.1:2]"});
}

TEST(ServerConfig, HelpAndVersionAreTexts) {
  const auto help = parse({"--help"});
  ASSERT_TRUE(help);
  EXPECT_FALSE(help->config);
  EXPECT_NE(help->text.find("--listen"), std::string::npos);
  const auto version = parse({"--version"});
  ASSERT_TRUE(version);
  EXPECT_TRUE(version->text.starts_with("rserver "));
}

}  // namespace
}  // namespace farhand
