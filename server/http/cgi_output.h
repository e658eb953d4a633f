// CgiOutput: a script's standard output, taken apart into its head and its body (RFC 3875 section 6).
//
// Lines may end with LF alone, as most scripts print them; all else is as strict as in a request. A head has a
// Content-Type or a Location, else it is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http/headers.h"
#include "server/http/refusal.h"

namespace http {

struct CgiHead {
  int status = 200;    // by Status; with a Location and no Status: 302
  std::string reason;  // "" : the status's own
  Headers headers;     // for the client: without Status and without what frames a message
};

class CgiOutput {
 public:
  // Takes the next piece. Nothing: the head is not complete. Afterwards, what came behind it is in body().
  [[nodiscard]] std::optional<Parsed<CgiHead>> feed(std::string_view piece);
  [[nodiscard]] std::string_view body() const noexcept { return body_; }

 private:
  std::string text_;
  std::size_t searched_ = 0;
  std::string_view body_;
};

}  // namespace http
