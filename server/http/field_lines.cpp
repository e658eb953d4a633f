// Header fields, line by line.
#include "server/http/field_lines.h"

#include <algorithm>

#include "server/http/syntax.h"

namespace http {

std::string_view take_line(std::string_view& text) noexcept {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

std::optional<Refusal> parse_field_line(std::string_view line, Headers& into) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    return Refusal{400, "a header field is folded over two lines, which is obsolete"};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refusal{400, "a header field has no colon"};
  const std::string_view name = line.substr(0, colon);
  if (name.ends_with(' ') || name.ends_with('\t')) {
    return Refusal{400, "white space stands between a header field's name and its colon"};
  }
  if (!is_token(name)) return Refusal{400, "a header field's name is empty or has characters that no name has"};
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_field_value(value)) return Refusal{400, "a header field holds a control byte"};
  into.add(name, value);
  return std::nullopt;
}

Parsed<Headers> parse_field_lines(std::string_view lines) {
  Headers headers;
  while (!lines.empty()) {
    const std::string_view line = take_line(lines);
    if (line.empty()) break;
    if (const auto refused = parse_field_line(line, headers)) return *refused;
  }
  return headers;
}

}  // namespace http
