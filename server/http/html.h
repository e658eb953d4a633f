// Text in an HTML page: nothing in it is markup, and all of it is UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "common/export.h"

namespace http {

// & < > " ' as entities; bytes that are no UTF-8, and control bytes, as U+FFFD.
[[nodiscard]] FARHAND_API std::string escape_html(std::string_view text);

}  // namespace http
