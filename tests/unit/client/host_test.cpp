// Hosts as people write them: there, back, and what is refused.
#include "common/host.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

TEST(HostText, EveryFormIsReadAndWrittenBack) {
  struct Case {
    const char* text;
    Host::Kind kind;
    const char* name_or_path;
    std::uint16_t port;
    const char* canonical;
  };
  for (const Case& c : {
           Case{"host", Host::Kind::kTls, "host", 9922, "host:9922"},
           Case{"host:1", Host::Kind::kTls, "host", 1, "host:1"},
           Case{"host:0", Host::Kind::kTls, "host", 0, "host:0"},
           Case{"host:65535", Host::Kind::kTls, "host", 65535, "host:65535"},
           Case{"10.0.0.1:22", Host::Kind::kTls, "10.0.0.1", 22, "10.0.0.1:22"},
           Case{"::1", Host::Kind::kTls, "::1", 9922, "[::1]:9922"},
           Case{"[::1]", Host::Kind::kTls, "::1", 9922, "[::1]:9922"},
           Case{"[::1]:80", Host::Kind::kTls, "::1", 80, "[::1]:80"},
           Case{"[fe80::1%eth0]:80", Host::Kind::kTls, "fe80::1%eth0", 80, "[fe80::1%eth0]:80"},
           Case{"plain:127.0.0.1:99", Host::Kind::kPlain, "127.0.0.1", 99, "plain:127.0.0.1:99"},
           Case{"plain:localhost", Host::Kind::kPlain, "localhost", 9922, "plain:localhost:9922"},
           Case{"plain:[::1]:99", Host::Kind::kPlain, "::1", 99, "plain:[::1]:99"},
           Case{"unix:/run/a b", Host::Kind::kUnix, "/run/a b", 9922, "unix:/run/a b"},
           Case{"unix:relative", Host::Kind::kUnix, "relative", 9922, "unix:relative"},
           Case{"unix:plain:x", Host::Kind::kUnix, "plain:x", 9922, "unix:plain:x"},
       }) {
    const auto host = parse_host(c.text);
    ASSERT_TRUE(host) << c.text << ": " << host.error().message;
    EXPECT_EQ(host->kind, c.kind) << c.text;
    EXPECT_EQ(c.kind == Host::Kind::kUnix ? host->path : host->name, c.name_or_path) << c.text;
    EXPECT_EQ(host->port, c.port) << c.text;
    EXPECT_EQ(host_text(*host), c.canonical);
    const auto again = parse_host(host_text(*host));
    ASSERT_TRUE(again) << c.canonical;
    EXPECT_EQ(host_text(*again), c.canonical);
  }
}

TEST(HostText, APortOfItsOwnIsTold) {
  for (const char* text : {"h:1", "h:9922", "[::1]:2", "plain:h:1"}) EXPECT_TRUE(names_port(text)) << text;
  for (const char* text : {"h", "::1", "[::1]", "plain:h", "unix:/a:1", ""}) EXPECT_FALSE(names_port(text)) << text;
}

TEST(HostText, WhatIsNoAddressIsRefused) {
  for (const char* text : {"",        ":1",      "host:",    "host:65536", "host:99999999999999999999",
                           "host:-1", "host:+1", "host: 1",  "host:1 ",    "host:x",
                           "host:1x", "[",       "[]",       "[]:1",       "[::1",
                           "[::1]1",  "[::1]:",  "[::1]x:1", "plain:",     "unix:"}) {
    const auto host = parse_host(text);
    ASSERT_FALSE(host) << text;
    EXPECT_EQ(host.error().code, ErrorCode::kUsage) << text;
  }
}

TEST(HostText, NamesThatCouldBeOptionsOrActOnATerminalAreRefused) {
  for (const char* text : {"-x", "-oProxyCommand=evil", "plain:-x:1", "[-x]:1", "-x:1", "a b", "a\tb", "a\nb",
                           "a\x1b[31m", "a\x7f", "\x01"}) {
    const auto host = parse_host(text);
    ASSERT_FALSE(host) << text;
    for (const char bad : {'\x1b', '\n', '\x7f'}) EXPECT_EQ(host.error().message.find(bad), std::string::npos);
  }
  EXPECT_FALSE(parse_host(std::string_view("unix:/a\0b", 9)));
  EXPECT_FALSE(parse_host(std::string_view("ho\0st", 5)));
}

}  // namespace
}  // namespace farhand
