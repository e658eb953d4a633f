// RequestHead: a request's line and header fields as values, checked as a whole; and the parser that makes one.
//
//   HeadScanner (where does it end?) --> parse_request_head --> RequestHead, or a refusal with its status
//
// Format: RFC 9112, strictly; framing.h and target.h say what is refused there. HTTP/0.9 is refused (400 without a
//         version, 505 with one), HTTP/1.0 and 1.x served, others 505. Exactly one Host in HTTP/1.1, at most one
//         in 1.0.
#pragma once

#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/framing.h"
#include "server/http/headers.h"
#include "server/http/refusal.h"
#include "server/http/target.h"

namespace http {

struct RequestHead {
  std::string method;
  std::string raw_target;  // as it was written
  std::string version;     // "HTTP/1.1"
  int minor = 1;           // 0 for HTTP/1.0
  Target target;
  Headers headers;
  Framing framing;
  bool keep_alive = true;  // what the client wishes
  bool expects_continue = false;
};

// `head` is a whole head that HeadScanner has passed, from begin() to its empty line.
[[nodiscard]] FARHAND_API Parsed<RequestHead> parse_request_head(std::string_view head);

}  // namespace http
