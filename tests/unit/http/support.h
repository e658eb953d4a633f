// What the HTTP tests share: a client that takes whole responses off a connection, and files to serve.
#pragma once

#include <string>
#include <string_view>

#include <farhand/http.h>
#include "server/http/response_head.h"
#include "tests/unit/socketserver/support.h"

namespace http::testing {

using socketserver::testing::any_port;
using socketserver::testing::Counter;
using socketserver::testing::kPatience;
using socketserver::testing::Observed;
using socketserver::testing::Serving;
using socketserver::testing::TemporaryDirectory;
using HttpTest = socketserver::testing::SocketServerTest;

struct Answer {
  int status = 0;  // 0: the connection ended before a whole head
  Headers headers;
  std::string body;
  bool whole = false;  // the body ended as its framing says
  bool chunked = false;
};

// Takes one response off the front of `bytes`; nothing of what follows. `head_only`: as HEAD is answered.
Answer take_answer(std::string& bytes, bool head_only = false);

class HttpClient {
 public:
  explicit HttpClient(const socketserver::Address& server);
  void send(std::string_view text) { client_.send(text); }
  // One response; interim ones (100) too.
  Answer answer(bool head_only = false);
  Answer ask(std::string_view request) {
    send(request);
    return answer(request.starts_with("HEAD "));
  }
  Answer get(std::string_view target, std::string_view more_fields = "") {
    return ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: here\r\n" + std::string(more_fields) + "\r\n");
  }
  // Whether the server ended the connection, nothing more had come, and it was no reset: one may destroy an answer.
  bool ended();
  socketserver::testing::Client& connection() { return client_; }

 private:
  bool receive_more();
  socketserver::testing::Client client_;
  std::string buffer_;
  bool was_reset_ = false;
};

// The rest of a request line that is a whole request: "GET /x" + kRest.
inline constexpr std::string_view kRest = " HTTP/1.1\r\nHost: here\r\n\r\n";

void write_file(const std::string& path, std::string_view text);

}  // namespace http::testing
