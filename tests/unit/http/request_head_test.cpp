// The request parser: every cut position, and a table of hostile requests beside their honest twins.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "server/http/head_scanner.h"
#include "server/http/limits.h"
#include "server/http/request_head.h"

namespace http {
namespace {

const std::string kWhole =
    "POST /a%20b?x=1&y HTTP/1.1\r\nHost: example.org:80\r\nX-Empty:\r\nX-Spaced: \t two words \t\r\ncontent-length: "
    "5\r\n"
    "\r\n";

struct Outcome {
  int status = 0;  // 0: accepted; -1: more is needed
  std::string sentence;
  RequestHead head;
  std::size_t bytes = 0;
};

Outcome outcome_of(const Parsed<std::size_t>& end, const HeadScanner& scanner, std::string_view text) {
  Outcome outcome;
  if (const auto* refusal = refusal_in(end)) return {refusal->status, std::string(refusal->sentence), {}, 0};
  outcome.bytes = std::get<std::size_t>(end);
  auto parsed = parse_request_head(text.substr(scanner.begin(), outcome.bytes - scanner.begin()));
  if (const auto* refusal = refusal_in(parsed)) return {refusal->status, std::string(refusal->sentence), {}, 0};
  outcome.head = std::get<RequestHead>(std::move(parsed));
  return outcome;
}

Outcome parse(std::string_view text) {
  HeadScanner scanner;
  const auto end = scanner.scan(text);
  return end ? outcome_of(*end, scanner, text) : Outcome{-1, "", {}, 0};
}

void expect_whole(const Outcome& outcome) {
  ASSERT_EQ(outcome.status, 0) << outcome.sentence;
  EXPECT_EQ(outcome.bytes, kWhole.size());
  EXPECT_EQ(outcome.head.method, "POST");
  EXPECT_EQ(outcome.head.raw_target, "/a%20b?x=1&y");
  EXPECT_EQ(outcome.head.target.path, "/a b");
  EXPECT_EQ(outcome.head.target.query, "x=1&y");
  EXPECT_EQ(outcome.head.version, "HTTP/1.1");
  EXPECT_EQ(outcome.head.headers.size(), 4U);
  EXPECT_EQ(outcome.head.headers.get("x-empty"), "");
  EXPECT_EQ(outcome.head.headers.get("X-SPACED"), "two words");
  EXPECT_EQ(outcome.head.framing.kind, Framing::Kind::kLength);
  EXPECT_EQ(outcome.head.framing.length, 5U);
}

TEST(RequestHead, ArrivesInAnyTwoPieces) {
  for (std::size_t cut = 0; cut < kWhole.size(); ++cut) {
    HeadScanner scanner;
    ASSERT_FALSE(scanner.scan(std::string_view(kWhole).substr(0, cut))) << cut;
    const auto end = scanner.scan(kWhole);
    ASSERT_TRUE(end) << cut;
    expect_whole(outcome_of(*end, scanner, kWhole));
  }
}

TEST(RequestHead, ArrivesByteByByte) {
  HeadScanner scanner;
  for (std::size_t bytes = 1; bytes < kWhole.size(); ++bytes) {
    ASSERT_FALSE(scanner.scan(std::string_view(kWhole).substr(0, bytes))) << bytes;
  }
  expect_whole(outcome_of(*scanner.scan(kWhole), scanner, kWhole));
}

TEST(RequestHead, WhatFollowsItIsNotTouched) {
  expect_whole(parse(kWhole + "body\nwith \x01 anything"));
}

TEST(RequestHead, EveryTruncationNeedsMore) {
  for (std::size_t bytes = 0; bytes < kWhole.size(); ++bytes) {
    EXPECT_EQ(parse(std::string_view(kWhole).substr(0, bytes)).status, -1) << bytes;
  }
}

TEST(RequestHead, OneEmptyLineBeforeItIsIgnored) {
  const auto outcome = parse("\r\n" + kWhole);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.bytes, kWhole.size() + 2);
  EXPECT_EQ(parse("\r\n\r\n" + kWhole).status, 400);
}

struct Hostile {
  std::string what;
  std::string text;
  int status;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
  *out << hostile.what;
}

std::string with_field(const std::string& line) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + line + "\r\n\r\n";
}
std::string with_target(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

class HostileRequest : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileRequest, IsAnsweredWithItsStatus) {
  const auto& hostile = GetParam();
  const auto outcome = parse(hostile.text);
  EXPECT_EQ(outcome.status, hostile.status) << hostile.what << ": " << outcome.sentence;
  // The same whatever the pieces: two peers must not be able to disagree.
  HeadScanner scanner;
  std::optional<Parsed<std::size_t>> end;
  for (std::size_t bytes = 1; bytes <= hostile.text.size() && !end; ++bytes)
    end = scanner.scan(hostile.text.substr(0, bytes));
  const int in_pieces = end ? outcome_of(*end, scanner, hostile.text).status : -1;
  EXPECT_EQ(in_pieces, hostile.status) << hostile.what;
}

const std::string kNul(1, '\0');

INSTANTIATE_TEST_SUITE_P(
    Lines, HostileRequest,
    ::testing::Values(Hostile{"honest", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
                      Hostile{"bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400},
                      Hostile{"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
                      Hostile{"bare CR", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
                      Hostile{"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400},
                      Hostile{"NUL in a field", with_field("X: a" + kNul + "b"), 400},
                      Hostile{"NUL in the line", "GET /" + kNul + " HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                      Hostile{"escape in a field", with_field("X: \x1b[2J"), 400},
                      Hostile{"DEL", with_field("X: \x7f"), 400},
                      Hostile{"tab in a value (honest)", with_field("X: a\tb"), 0},
                      Hostile{"bytes above ASCII (honest)", with_field("X: \xc3\xa9"), 0},
                      Hostile{"fold with a space", with_field("X: a\r\n b"), 400},
                      Hostile{"fold with a tab", with_field("X: a\r\n\tb"), 400},
                      Hostile{"fold as the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
                      Hostile{"space before the colon", with_field("X : a"), 400},
                      Hostile{"tab before the colon", with_field("X\t: a"), 400},
                      Hostile{"empty name", with_field(": a"), 400}, Hostile{"no colon", with_field("X a"), 400},
                      Hostile{"name with a space", with_field("X Y: a"), 400},
                      Hostile{"name with a slash", with_field("X/Y: a"), 400},
                      Hostile{"name above ASCII", with_field("X\xe9: a"), 400},
                      Hostile{"value without a space (honest)", with_field("X:a"), 0}));

INSTANTIATE_TEST_SUITE_P(RequestLines, HostileRequest,
                         ::testing::Values(Hostile{"HTTP/0.9", "GET /\r\n\r\n", 400},
                                           Hostile{"HTTP/0.9 by number", "GET / HTTP/0.9\r\n\r\n", 505},
                                           Hostile{"HTTP/1.0 without Host (honest)", "GET / HTTP/1.0\r\n\r\n", 0},
                                           Hostile{"HTTP/1.2 (honest)", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 0},
                                           Hostile{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
                                           Hostile{"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
                                           Hostile{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"HTTP/11", "GET / HTTP/11\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
                                           Hostile{"space in front", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"tab as the separator", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"method that is no token", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
                                           Hostile{"unknown method (honest)", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
                                           Hostile{"TLS", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
                                           Hostile{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
                                           Hostile{"two Hosts", with_field("Host: h"), 400},
                                           Hostile{"Host with a comma", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
                                           Hostile{"Host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
                                           Hostile{"empty Host (honest)", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0},
                                           Hostile{"Expect", with_field("Expect: 100-continue"), 0},
                                           Hostile{"unknown expectation", with_field("Expect: tea"), 417}));

INSTANTIATE_TEST_SUITE_P(
    Targets, HostileRequest,
    ::testing::Values(Hostile{"absolute (honest)", with_target("http://h/a"), 0},
                      Hostile{"absolute without path (honest)", with_target("http://h"), 0},
                      Hostile{"absolute without host", with_target("http:///a"), 400},
                      Hostile{"user in it", with_target("http://u@h/a"), 400},
                      Hostile{"other scheme", with_target("ftp://h/a"), 400},
                      Hostile{"no slash", with_target("a"), 400}, Hostile{"fragment", with_target("/a#b"), 400},
                      Hostile{"above ASCII", with_target("/\xc3\xa9"), 400}, Hostile{"%00", with_target("/a%00b"), 400},
                      Hostile{"bad digits", with_target("/%zz"), 400}, Hostile{"one digit", with_target("/a%2"), 400},
                      Hostile{"lone percent", with_target("/%"), 400},
                      Hostile{"percent in the query (honest)", with_target("/a?%zz"), 0},
                      Hostile{"* with GET", with_target("*"), 400},
                      Hostile{"* with OPTIONS (honest)", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0}));

INSTANTIATE_TEST_SUITE_P(
    Smuggling, HostileRequest,
    ::testing::Values(Hostile{"one length (honest)", with_field("Content-Length: 5"), 0},
                      Hostile{"two lengths", with_field("Content-Length: 5\r\nContent-Length: 6"), 400},
                      Hostile{"two equal lengths", with_field("Content-Length: 5\r\nContent-Length: 5"), 400},
                      Hostile{"a list of lengths", with_field("Content-Length: 5, 5"), 400},
                      Hostile{"plus", with_field("Content-Length: +5"), 400},
                      Hostile{"minus", with_field("Content-Length: -5"), 400},
                      Hostile{"hexadecimal", with_field("Content-Length: 0x5"), 400},
                      Hostile{"space inside", with_field("Content-Length: 5 5"), 400},
                      Hostile{"empty", with_field("Content-Length:"), 400},
                      Hostile{"fraction", with_field("Content-Length: 5.0"), 400},
                      Hostile{"largest (honest)", with_field("Content-Length: 9223372036854775807"), 0},
                      Hostile{"one more", with_field("Content-Length: 9223372036854775808"), 400},
                      Hostile{"over 64 bits", with_field("Content-Length: 18446744073709551621"), 400},
                      Hostile{"chunked (honest)", with_field("Transfer-Encoding: chunked"), 0},
                      Hostile{"Chunked (honest)", with_field("Transfer-Encoding: Chunked"), 0},
                      Hostile{"both", with_field("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400},
                      Hostile{"both, other order", with_field("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400},
                      Hostile{"two encodings", with_field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
                              400},
                      Hostile{"chunked twice", with_field("Transfer-Encoding: chunked, chunked"), 400},
                      Hostile{"gzip first", with_field("Transfer-Encoding: gzip, chunked"), 501},
                      Hostile{"gzip last", with_field("Transfer-Encoding: chunked, gzip"), 400},
                      Hostile{"gzip", with_field("Transfer-Encoding: gzip"), 400},
                      Hostile{"identity", with_field("Transfer-Encoding: identity"), 400},
                      Hostile{"empty", with_field("Transfer-Encoding:"), 400},
                      Hostile{"empty element", with_field("Transfer-Encoding: , chunked"), 400},
                      Hostile{"parameter", with_field("Transfer-Encoding: chunked;x=y"), 400},
                      Hostile{"quoted", with_field("Transfer-Encoding: \"chunked\""), 400},
                      Hostile{"vertical tab", with_field("Transfer-Encoding: \vchunked"), 400},
                      Hostile{"in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400}));

TEST(RequestHead, LimitsHoldToTheByte) {
  const std::string end = " HTTP/1.1\r\n";
  const std::string line(kMaxStartLineBytes - end.size() - 5, 'a');
  EXPECT_EQ(parse("GET /" + line + end + "Host: h\r\n\r\n").status, 0);
  EXPECT_EQ(parse("GET /" + line + "a" + end + "Host: h\r\n\r\n").status, 414);
  const std::string value(kMaxFieldLineBytes - 5, 'a');  // "X: ", CR LF
  EXPECT_EQ(parse(with_field("X: " + value)).status, 0);
  EXPECT_EQ(parse(with_field("X: " + value + "a")).status, 431);
}

TEST(RequestHead, AnEndlessLineIsRefusedBeforeItEnds) {
  EXPECT_EQ(parse(std::string(kMaxStartLineBytes + 1, 'a')).status, 414);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\n" + std::string(kMaxFieldLineBytes + 1, 'a')).status, 431);
}

TEST(RequestHead, SoManyFieldsAndNoMore) {
  std::string fields;
  for (std::size_t count = 1; count < kMaxFields; ++count) fields += "X: y\r\n";
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n").status, 0);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n" + fields + "\r\n").status, 431);
}

TEST(RequestHead, FieldsTogetherHaveALimit) {
  std::string fields;
  for (int count = 0; count < 9; ++count) fields += "X: " + std::string(7500, 'a') + "\r\n";
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n").status, 431);
}

TEST(RequestHead, ConnectionSaysWhetherItStays) {
  EXPECT_TRUE(parse(with_field("X: y")).head.keep_alive);
  EXPECT_FALSE(parse(with_field("Connection: x, Close")).head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
}

}  // namespace
}  // namespace http
