// The decoder of chunked bodies: whole, in pieces, damaged.
#include "server/http/chunked_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "server/http/limits.h"

namespace http {
namespace {

struct Decoded {
  std::string data;
  bool done = false;
  int refused = 0;
  std::size_t consumed = 0;
};

// In pieces of at most `piece` bytes.
Decoded decode(std::string_view text, std::size_t piece) {
  ChunkedDecoder decoder;
  Decoded result;
  while (!decoder.done() && result.consumed < text.size()) {
    const auto step = decoder.decode(text.substr(result.consumed, piece));
    if (step.refusal) {
      result.refused = step.refusal->status;
      return result;
    }
    EXPECT_GT(step.consumed, 0U) << "it would be called for ever";
    if (step.consumed == 0) return result;
    result.data += step.data;
    result.consumed += step.consumed;
  }
  result.done = decoder.done();
  return result;
}

TEST(ChunkedDecoder, DecodesInPiecesOfAnySize) {
  const std::string text = "5\r\nhello\r\nA;name=\"v\"\r\n, 12345678\r\n0000\r\nX-Trailer: y\r\nZ:\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const auto result = decode(text + "GET / HTTP/1.1\r\n", piece);
    EXPECT_TRUE(result.done) << piece;
    EXPECT_EQ(result.data, "hello, 12345678") << piece;
    EXPECT_EQ(result.consumed, text.size()) << "what follows belongs to the next request, piece " << piece;
  }
}

TEST(ChunkedDecoder, EveryTruncationIsNotTheEnd) {
  const std::string text = "5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    const auto result = decode(text.substr(0, bytes), text.size());
    EXPECT_FALSE(result.done) << bytes;
    EXPECT_EQ(result.refused, 0) << bytes;
  }
}

TEST(ChunkedDecoder, DamageIsRefused) {
  const std::string hostile[] = {
      "5\nhello\r\n0\r\n\r\n",
      "5\r\nhello!\r\n0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "\r\nhello\r\n",
      "g\r\n",
      "-5\r\nhello\r\n",
      "+5\r\nhello\r\n",
      "0x5\r\nhello\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "5 ;a\r\nhello\r\n",
      "5,\r\nhello\r\n",
      "8000000000000000\r\n",
      "10000000000000000\r\n",
      "00000000000000005\r\n",
      "5;\x01\r\nhello\r\n",
      "0\r\nno colon\r\n\r\n",
      "0\r\n folded: x\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\nX: y\n\n",
      "5\r\nhello\r\r\n0\r\n\r\n",
  };
  for (const auto& text : hostile) {
    for (const std::size_t piece : {std::size_t{1}, text.size()}) {
      EXPECT_EQ(decode(text, piece).refused, 400) << ::testing::PrintToString(text) << " in pieces of " << piece;
    }
  }
}

TEST(ChunkedDecoder, TheLargestSizeIsTaken) {
  EXPECT_EQ(decode("7fffffffffffffff\r\nx", 100).data, "x");
}

TEST(ChunkedDecoder, ALongSizeLineIsRefused) {
  EXPECT_NE(decode("5;" + std::string(kMaxChunkLineBytes, 'a') + "\r\nhello\r\n", 7).refused, 0);
  EXPECT_NE(decode(std::string(kMaxChunkLineBytes + 1, '0'), 7).refused, 0);
}

TEST(ChunkedDecoder, ExtensionsOfManySmallChunksAreRefused) {
  std::string text;
  for (int count = 0; count < 100; ++count) text += "1;" + std::string(100, 'a') + "\r\nx\r\n";
  EXPECT_EQ(decode(text, 50).refused, 400);
}

TEST(ChunkedDecoder, TrailersHaveLimits) {
  std::string many = "0\r\n";
  for (std::size_t count = 0; count <= kMaxTrailers; ++count) many += "X: y\r\n";
  EXPECT_EQ(decode(many + "\r\n", 10).refused, 431);
  EXPECT_EQ(decode("0\r\nX: " + std::string(kMaxTrailerBytes, 'a') + "\r\n\r\n", 10).refused, 431);
}

}  // namespace
}  // namespace http
