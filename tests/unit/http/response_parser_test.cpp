// The client's side: whole responses in pieces, and answers that are refused.
#include "server/http/response_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace http {
namespace {

using State = ResponseParser::State;

struct Result {
  State state;
  int status = 0;
  std::string body;
  std::string failure;
};

Result parse(std::string_view text, std::size_t piece, bool ends, std::size_t most = 1000) {
  ResponseParser parser(most);
  for (std::size_t at = 0; at < text.size(); at += piece) parser.feed(text.substr(at, piece));
  if (ends) parser.end();
  return {parser.state(), parser.page().status, parser.page().body, std::string(parser.failure())};
}

void expect_page(std::string_view text, bool needs_end, int status, std::string_view body) {
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const auto result = parse(text, piece, needs_end);
    EXPECT_EQ(result.state, State::kDone) << text << result.failure;
    EXPECT_EQ(result.status, status) << text;
    EXPECT_EQ(result.body, body) << text;
  }
}

TEST(ResponseParser, TakesEveryFraming) {
  expect_page("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello");
  expect_page("HTTP/1.1 404 \r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false, 404,
              "hello");
  expect_page("HTTP/1.0 200\r\n\r\nhello", true, 200, "hello");
  expect_page("HTTP/1.1 204 None\r\nContent-Length: 7\r\n\r\n", false, 204, "");
  expect_page("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, "");
  expect_page("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 200, "x");
}

TEST(ResponseParser, AnEarlyEndIsNoPage) {
  for (const std::string text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
      EXPECT_EQ(parse(text.substr(0, bytes), text.size(), true).state, State::kFailed) << bytes;
    }
  }
}

TEST(ResponseParser, HostileAnswersAreRefused) {
  for (const auto* text :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "hello\r\n\r\n", "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_EQ(parse(text, 1, false).state, State::kFailed) << text;
    EXPECT_NE(parse(text, 1000, false).failure, "") << text;
  }
}

TEST(ResponseParser, TheLimitHoldsForEveryFraming) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const std::string rest :
       {"Content-Length: 5\r\n\r\nhello", "\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    EXPECT_EQ(parse(head + rest, 3, true, 5).state, State::kDone) << rest;
    EXPECT_EQ(parse(head + rest, 3, true, 4).state, State::kFailed) << rest;
  }
}

TEST(ResponseParser, InterimResponsesEnd) {
  std::string text;
  for (int count = 0; count < 20; ++count) text += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(parse(text, 100, false).state, State::kFailed);
}

}  // namespace
}  // namespace http
