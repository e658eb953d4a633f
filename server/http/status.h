// What a status means in words (RFC 9110 section 15).
#pragma once

#include <string_view>

#include "common/export.h"

namespace http {

struct StatusText {
  std::string_view phrase;       // "Not Found"
  std::string_view explanation;  // "Nothing matches the given URI": Python's words, where it has any
};

// An unknown status gives "" and "".
[[nodiscard]] FARHAND_API StatusText status_text(int status) noexcept;

// Whether an answer with this status never has a body, nor a Content-Length: 1xx, 204, 304.
[[nodiscard]] FARHAND_API constexpr bool is_bodiless(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace http
