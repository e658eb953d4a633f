// Networks in CIDR notation: read, written, matched.
#include "server/keys/network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace farhand {
namespace {

SourceAddress address(const char* text) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  storage.ss_family = std::strchr(text, ':') != nullptr ? AF_INET6 : AF_INET;
  const int read = storage.ss_family == AF_INET ? ::inet_pton(AF_INET, text, &v4.sin_addr)
                                                : ::inet_pton(AF_INET6, text, &v6.sin6_addr);
  EXPECT_EQ(read, 1) << text;
  return source_address(storage).value();
}

bool matches(const char* network, const char* source) {
  const auto parsed = parse_network(network);
  EXPECT_TRUE(parsed) << network;
  return parsed && contains(*parsed, address(source));
}

TEST(Network, HoldsItsOwnAddressesToTheBit) {
  EXPECT_TRUE(matches("192.0.2.0/24", "192.0.2.0"));
  EXPECT_TRUE(matches("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(matches("192.0.2.0/24", "192.0.3.0"));
  EXPECT_FALSE(matches("192.0.2.0/24", "192.0.1.255"));
  EXPECT_TRUE(matches("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(matches("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(matches("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(matches("10.1.2.3/32", "10.1.2.2"));
  EXPECT_TRUE(matches("0.0.0.0/0", "255.1.2.3"));
  EXPECT_TRUE(matches("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(matches("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(matches("::1", "::1"));
}

TEST(Network, AnIpv4OneMatchesTheMappedAddressAndNoOtherIpv6) {
  EXPECT_TRUE(matches("192.0.2.0/24", "::ffff:192.0.2.9"));
  EXPECT_FALSE(matches("0.0.0.0/0", "2001:db8::1"));
  EXPECT_FALSE(matches("0.0.0.0/0", "::1"));
}

// Whoever writes ::/0 means every IPv6 address; that this should let all of IPv4 in nobody would expect.
TEST(Network, AnIpv6OneNeverMatchesIpv4) {
  EXPECT_FALSE(matches("::/0", "192.0.2.1"));
  EXPECT_TRUE(matches("::/0", "2001:db8::1"));
}

TEST(Network, IsWrittenAsItWasRead) {
  for (const char* text : {"192.0.2.0/24", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/33", "::/0", "::1/128"}) {
    EXPECT_EQ(network_text(*parse_network(text)), text);
  }
}

TEST(Network, WhatIsNoneIsRefused) {
  for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x", "192.0.2/24",
                           "example.org", "2001:db8::/129", "192.0.2.0 /24", "*", "1.2.3.4/0x8"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

TEST(Network, BitsBehindThePrefixAreRefusedWithTheNetworkThatTheyAreIn) {
  const auto network = parse_network("192.0.2.7/24");
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().message.find("192.0.2.0/24"), std::string::npos) << network.error().message;
}

}  // namespace
}  // namespace farhand
