// The helpers of the HTTP tests.
#include "tests/unit/http/support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "server/http/chunked_decoder.h"

namespace http::testing {
namespace {

bool take_chunks(std::string& bytes, std::string& body) {
  ChunkedDecoder decoder;
  std::string rest = bytes;
  while (!decoder.done() && !rest.empty()) {
    const auto step = decoder.decode(rest);
    if (step.refusal) break;
    body += step.data;
    rest.erase(0, step.consumed);
  }
  if (decoder.done()) bytes = rest;
  return decoder.done();
}

}  // namespace

Answer take_answer(std::string& bytes, bool head_only) {
  Answer answer;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  const auto parsed = parse_response_head(std::string_view(bytes).substr(0, end + 4));
  EXPECT_EQ(refusal_in(parsed), nullptr) << bytes;
  if (refusal_in(parsed) != nullptr) return answer;
  const auto& head = std::get<ResponseHead>(parsed);
  std::string rest = bytes.substr(end + 4);
  answer.headers = head.headers;
  answer.chunked = head.framing.kind == Framing::Kind::kChunked;
  answer.whole = true;
  if (head_only || head.framing.kind == Framing::Kind::kNone) {
    // No body, whatever the fields say.
  } else if (answer.chunked) {
    answer.whole = take_chunks(rest, answer.body);
  } else if (head.framing.kind == Framing::Kind::kLength) {
    answer.whole = rest.size() >= head.framing.length;
    answer.body = rest.substr(0, head.framing.length);
    rest.erase(0, answer.body.size());
  } else {
    answer.body.swap(rest);
    answer.whole = false;  // the caller sees the end
  }
  answer.status = head.status;
  if (answer.whole) bytes = rest;
  return answer;
}

HttpClient::HttpClient(const socketserver::Address& server) : client_(server) {
  const int on = 1;  // the second piece of a request does not wait for the first one's acknowledgement
  ::setsockopt(client_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool HttpClient::receive_more() {
  std::array<char, 65536> piece{};
  ssize_t got = 0;
  do {
    got = ::recv(client_.fd(), piece.data(), piece.size(), 0);
  } while (got < 0 && errno == EINTR);  // a script of the server's, which is this process, ended
  was_reset_ = got < 0;
  if (got > 0) buffer_.append(piece.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Answer HttpClient::answer(bool head_only) {
  for (;;) {
    Answer answer = take_answer(buffer_, head_only);
    if (answer.whole) return answer;
    if (!receive_more()) {
      buffer_.clear();  // it was all of what was left
      return answer;
    }
  }
}

bool HttpClient::ended() {
  if (!buffer_.empty() || receive_more()) return false;
  return !was_reset_;
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace http::testing
