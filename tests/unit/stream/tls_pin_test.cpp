// Pins as text, and the files they come from.
#include <gtest/gtest.h>

#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

KeyPin counting_pin() {
  KeyPin pin{};
  for (std::size_t i = 0; i < pin.size(); ++i) pin[i] = static_cast<std::uint8_t>(i * 8 + 7);
  return pin;
}

const std::string kDigits = "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff";

TEST(Pin, IsWrittenAsPrefixAndLowerCaseDigits) {
  EXPECT_EQ(pin_text(counting_pin()), "sha256:" + kDigits);
}

TEST(Pin, EveryAllowedSpellingIsRead) {
  std::string upper = kDigits;
  std::string colons;
  for (std::size_t i = 0; i < kDigits.size(); i += 2) colons += (i > 0 ? ":" : "") + kDigits.substr(i, 2);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  for (const std::string& text : {"sha256:" + kDigits, kDigits, upper, "SHA256:" + upper, colons, "sha256:" + colons}) {
    const auto pin = parse_pin(text);
    ASSERT_TRUE(pin) << text;
    EXPECT_EQ(*pin, counting_pin()) << text;
  }
}

TEST(Pin, EverythingElseIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("sha256:"), kDigits.substr(1), kDigits + "0", kDigits + "00", kDigits + ":",
        ":" + kDigits, "sha1:" + kDigits, " " + kDigits, kDigits + " ", "0:7" + kDigits.substr(2),
        "07::" + kDigits.substr(2), "g" + kDigits.substr(1), std::string("\0", 1) + kDigits}) {
    const auto pin = parse_pin(text);
    ASSERT_FALSE(pin) << text;
    EXPECT_EQ(pin.error().code, ErrorCode::kUsage);
  }
}

TEST(Pin, OfACertificateIsTheHashThatOpensslPrints) {
  // openssl x509 -in FILE -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum
  const TemporaryDirectory directory;
  directory.make_file("one.crt",
                      "-----BEGIN CERTIFICATE-----\n"
                      "MIIBFDCBx6ADAgECAhQsNqr9wHZDaq1rAS8BqiGnDvNJKzAFBgMrZXAwADAeFw0y\n"
                      "NjExMjEwODI2MTZaFw0yNjExMjIwODI2MTZaMAAwKjAFBgMrZXADIQBImRCYHVow\n"
                      "J3m8fJGDSFQckXck4ibvgPes3EkLIOvNZaNTMFEwHQYDVR0OBBYEFOjHdWDQ6nLv\n"
                      "7uaYucWNQHNGPAVuMB8GA1UdIwQYMBaAFOjHdWDQ6nLv7uaYucWNQHNGPAVuMA8G\n"
                      "A1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAnBfhPNcsDlyahWKYOhTliYLzl2rY0gCp\n"
                      "hqJTWs7uG2bem09noqkjR0ZeCQJJwgpwMqe/wltGR0StBy9AGz/VAg==\n"
                      "-----END CERTIFICATE-----\n");
  const auto pin = pin_of_certificate_file(directory / "one.crt");
  ASSERT_TRUE(pin) << pin.error().message;
  EXPECT_EQ(pin_text(*pin), "sha256:b2edfc80101465111ca153d82ee53c9fcaae414ff381418839990efeaacdf6c2");
}

TEST(Pin, OfAFileThatHoldsNoCertificateIsASentenceWithItsPath) {
  const TemporaryDirectory directory;
  directory.make_file("empty", "");
  directory.make_file("torn", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  for (const auto* name : {"empty", "torn", "missing"}) {
    const auto pin = pin_of_certificate_file(directory / name);
    ASSERT_FALSE(pin) << name;
    EXPECT_NE(pin.error().message.find(directory / name), std::string::npos) << pin.error().message;
  }
}

TEST(TlsFilesLoading, AKeyIsReadInEitherForm) {
  const TemporaryDirectory directory;
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
    const TestKey key = make_test_key(directory.path(), "key", kind);
    EXPECT_TRUE(TlsContext::for_server(key.files));
    rewrite_in_old_form(key);
    const auto context = TlsContext::for_server(key.files);
    EXPECT_TRUE(context) << context.error().message;
  }
  EXPECT_TRUE(TlsContext::for_server(make_test_key(directory.path(), "other", KeyKind::kEd25519).files));
}

TEST(TlsFilesLoading, EveryMistakeIsNamedWithItsPath) {
  const TemporaryDirectory directory;
  const TestKey one = make_test_key(directory.path(), "one", KeyKind::kEd25519);
  const TestKey same_kind = make_test_key(directory.path(), "same", KeyKind::kEd25519);
  const TestKey other_kind = make_test_key(directory.path(), "other", KeyKind::kP256);
  directory.make_file("junk", "junk\n");
  directory.make_file("locked",
                      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhwVlyf7nW9YAICCAAw\n"
                      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEOyAqvu+Awq7mMdMDhV5+coEQAWI\n"
                      "YtmwMyetzgG/eUN+PX85Djwc8F5NL+o2covJGU+mjuTxSiK/Rrn8I5gy1KPd3O6F\n"
                      "HBsZOeR+DfNmeQlkwxQ=\n"
                      "-----END ENCRYPTED PRIVATE KEY-----\n");
  struct Case {
    TlsFiles files;
    std::string says;
    std::string path;
  };
  const std::string junk = directory / "junk";
  for (const Case& c : {Case{{junk, one.files.key}, "no certificate", junk},
                        Case{{directory / "none", one.files.key}, "No such file", directory / "none"},
                        Case{{one.files.certificate, junk}, "no private key", junk},
                        Case{{one.files.certificate, directory / "none"}, "No such file", directory / "none"},
                        Case{{one.files.certificate, directory / "locked"}, "encrypted", directory / "locked"},
                        Case{{one.files.certificate, same_kind.files.key}, "does not belong", same_kind.files.key},
                        Case{{one.files.certificate, other_kind.files.key}, "does not belong", other_kind.files.key}}) {
    const auto context = TlsContext::for_server(c.files);
    ASSERT_FALSE(context) << c.says;
    EXPECT_NE(context.error().message.find(c.says), std::string::npos) << context.error().message;
    EXPECT_NE(context.error().message.find(c.path), std::string::npos) << context.error().message;
  }
}

}  // namespace
}  // namespace farhand::test
