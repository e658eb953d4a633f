// ResponseHead: a response's status line and fields as values (the client's side), and the parser that makes one.
#pragma once

#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/framing.h"
#include "server/http/headers.h"
#include "server/http/refusal.h"

namespace http {

struct ResponseHead {
  int minor = 1;
  int status = 0;  // 100..599
  std::string reason;
  Headers headers;
  Framing framing;  // of an answer to GET
};

// `head` is a whole head that HeadScanner(kResponse) has passed.
[[nodiscard]] FARHAND_API Parsed<ResponseHead> parse_response_head(std::string_view head);

}  // namespace http
