// Which addresses count as one source, and which are exempt.
#include "server/limits/source.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using socketserver::Address;

std::string source_of(const char* host) {
  const auto source = Source::of(Address::ip(host, 1234));
  return source ? source->text() : "exempt";
}

TEST(Source, AnIpv4AddressCountsAlone) {
  EXPECT_EQ(source_of("192.0.2.1"), "192.0.2.1");
  EXPECT_NE(Source::of(Address::ip("192.0.2.1", 1)), Source::of(Address::ip("192.0.2.2", 1)));
}

TEST(Source, ThePortDoesNotCount) {
  EXPECT_EQ(Source::of(Address::ip("192.0.2.1", 1)), Source::of(Address::ip("192.0.2.1", 65535)));
}

TEST(Source, AnIpv6NetworkOf64BitsIsOneSource) {
  EXPECT_EQ(source_of("2001:db8:0:1::1"), "2001:db8:0:1::/64");
  EXPECT_EQ(Source::of(Address::ip("2001:db8:0:1::1", 1)),
            Source::of(Address::ip("2001:db8:0:1:ffff:ffff:ffff:ffff", 1)));
  EXPECT_NE(Source::of(Address::ip("2001:db8:0:1::1", 1)), Source::of(Address::ip("2001:db8:0:2::1", 1)));
}

TEST(Source, AnIpv4AddressInIpv6ClothesIsTheIpv4Address) {
  EXPECT_EQ(source_of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Source::of(Address::ip("::ffff:192.0.2.1", 1)), Source::of(Address::ip("192.0.2.1", 1)));
}

TEST(Source, LoopbackAndUnixSocketsAreExempt) {
  for (const char* const host : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(source_of(host), "exempt") << host;
  }
  EXPECT_FALSE(Source::of(Address()).has_value());
  EXPECT_FALSE(Source::of(Address::local("/run/x")).has_value());
}

TEST(Source, TheNeighboursOfLoopbackAreNotExempt) {
  for (const char* const host : {"126.255.255.255", "128.0.0.0", "::2", "::ffff:128.0.0.1", "0.0.0.1"}) {
    EXPECT_NE(source_of(host), "exempt") << host;
  }
}

TEST(Source, TheFirstIpv6NetworkIsNotTakenForIpv4) {
  EXPECT_EQ(source_of("::2"), "::/64");
  EXPECT_NE(Source::of(Address::ip("::2", 1)), Source::of(Address::ip("0.0.0.2", 1)));
}

}  // namespace
}  // namespace farhand
