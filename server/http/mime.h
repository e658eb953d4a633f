// Which Content-Type a file's name suggests.
#pragma once

#include <string_view>

#include "common/export.h"

namespace http {

// By the extension, whatever its case; "application/octet-stream" for what is not known. A literal.
[[nodiscard]] FARHAND_API std::string_view guess_type(std::string_view file_name) noexcept;

}  // namespace http
