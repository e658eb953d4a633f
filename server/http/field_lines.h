// parse_field_lines: the header fields of a head, from its text to Headers, strictly.
//
// Format: RFC 9112 section 5. Refused: a fold (a line that begins with white space), white space before the colon, an
//         empty name, a name that is no token, control bytes. A value loses the white space around it and may be empty.
#pragma once

#include <string_view>

#include "common/export.h"
#include "server/http/headers.h"
#include "server/http/refusal.h"

namespace http {

// `lines` are whole lines, each with its CR LF; an empty one ends them. HeadScanner has passed them.
[[nodiscard]] FARHAND_API Parsed<Headers> parse_field_lines(std::string_view lines);

// One line without its CR LF, appended to `into`.
[[nodiscard]] FARHAND_API std::optional<Refusal> parse_field_line(std::string_view line, Headers& into);

// Takes the first line off `text`, without its CR LF. All of it if no CR LF is in it.
[[nodiscard]] std::string_view take_line(std::string_view& text) noexcept;

}  // namespace http
