// Random damage to whole messages: nothing crashes, and the pieces in which it arrives change nothing.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <random>
#include <string>

#include "server/http/chunked_decoder.h"
#include "server/http/head_scanner.h"
#include "server/http/request_head.h"
#include "server/http/response_parser.h"

namespace http {
namespace {

constexpr unsigned kSeed = 20261121;
constexpr int kRounds = 20'000 * FARHAND_TEST_SCALE;

const std::string kSamples[] = {
    "GET /a%20b?x=1 HTTP/1.1\r\nHost: example.org\r\nConnection: close, x\r\nRange: bytes=0-4\r\n\r\n",
    "POST http://h/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nContent-Length: 123\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
};

using Random = std::mt19937;

std::string damaged(Random& random) {
  static const std::string kTelling[] = {
      "\r\n", "\n", "\r",   ":",    " ",       std::string(1, '\0'), "%", ",", "Content-Length: 3\r\n", "chunked", "0",
      "f",    ";",  "\xff", "/../", "HTTP/1.1"};
  std::string text = kSamples[random() % std::size(kSamples)];
  for (auto times = random() % 4; times > 0; --times) {
    const std::size_t at = random() % (text.size() + 1);
    const std::string& put = kTelling[random() % std::size(kTelling)];
    const auto kind = random() % 4;
    if (kind == 0) text.insert(at, put);
    if (kind == 1) text.erase(at, random() % 8);
    if (kind == 2 && at < text.size()) text[at] = static_cast<char>(random());
    if (kind == 3) text.insert(at, text.substr(random() % text.size(), random() % 32));
    if (text.empty()) text = "x";
  }
  return text;
}

// What a text is taken for, in one word, when it comes in random pieces.
std::string request_verdict(const std::string& text, Random* random) {
  HeadScanner scanner;
  std::optional<Parsed<std::size_t>> end;
  for (std::size_t bytes = 0; bytes < text.size() && !end;) {
    bytes = random != nullptr ? std::min(text.size(), bytes + 1 + (*random)() % 16) : text.size();
    end = scanner.scan(std::string_view(text).substr(0, bytes));
  }
  if (!end) return "more";
  if (const auto* refusal = refusal_in(*end)) return std::to_string(refusal->status);
  const std::size_t bytes = std::get<std::size_t>(*end);
  const auto parsed = parse_request_head(std::string_view(text).substr(scanner.begin(), bytes - scanner.begin()));
  if (const auto* refusal = refusal_in(parsed)) return std::to_string(refusal->status);
  const auto& head = std::get<RequestHead>(parsed);
  EXPECT_LE(head.headers.count("Content-Length"), 1U);
  EXPECT_EQ(head.target.path.find('\0'), std::string::npos);
  return head.method + head.target.path + std::to_string(head.framing.length) + "@" + std::to_string(bytes);
}

std::string response_verdict(const std::string& text, Random* random) {
  ResponseParser parser(4096);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t piece = random != nullptr ? 1 + (*random)() % 16 : text.size();
    parser.feed(std::string_view(text).substr(at, piece));
    at += piece;
  }
  const auto state = parser.end();
  return state == ResponseParser::State::kDone ? parser.page().body : "failed";
}

std::string chunks_verdict(const std::string& text, Random* random) {
  ChunkedDecoder decoder;
  std::string data;
  std::size_t at = 0;
  while (at < text.size() && !decoder.done()) {
    const auto step =
        decoder.decode(std::string_view(text).substr(at, random != nullptr ? 1 + (*random)() % 16 : text.size()));
    if (step.refusal) return "refused";
    EXPECT_GT(step.consumed, 0U);
    if (step.consumed == 0) return "stuck";
    data += step.data;
    at += step.consumed;
  }
  return decoder.done() ? data + "@" + std::to_string(at) : "more";
}

TEST(Mutation, PiecesChangeNothing) {
  std::cout << "seed " << kSeed << "\n";
  Random random(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    const std::string text = damaged(random);
    ASSERT_EQ(request_verdict(text, nullptr), request_verdict(text, &random)) << ::testing::PrintToString(text);
    ASSERT_EQ(response_verdict(text, nullptr), response_verdict(text, &random)) << ::testing::PrintToString(text);
    ASSERT_EQ(chunks_verdict(text, nullptr), chunks_verdict(text, &random)) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace http
