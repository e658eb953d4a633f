// The status line of RFC 9112 section 4, and the fields behind it.
#include "server/http/response_head.h"

#include <algorithm>
#include <utility>

#include "server/http/field_lines.h"
#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::size_t kVersionBytes = 8;  // "HTTP/1.1"

std::optional<Refusal> parse_status_line(std::string_view line, ResponseHead& into) {
  const bool versioned = line.size() >= kVersionBytes && line.starts_with("HTTP/1.") && is_digit(line[7]);
  if (!versioned) return Refusal{502, "the answer does not begin as HTTP/1 does"};
  into.minor = line[7] == '0' ? 0 : 1;
  line.remove_prefix(kVersionBytes);
  const bool numbered = line.size() >= 4 && line[0] == ' ' && std::all_of(&line[1], &line[1] + 3, is_digit);
  // Some servers leave the space out when there is no reason.
  if (!numbered || (line.size() > 4 && line[4] != ' ')) return Refusal{502, "the answer has no status of three digits"};
  into.status = (line[1] - '0') * 100 + (line[2] - '0') * 10 + (line[3] - '0');
  if (into.status < 100 || into.status > 599) return Refusal{502, "the answer's status is not between 100 and 599"};
  if (line.size() > 5) into.reason = line.substr(5);
  return std::nullopt;
}

}  // namespace

Parsed<ResponseHead> parse_response_head(std::string_view text) {
  ResponseHead head;
  if (const auto refused = parse_status_line(take_line(text), head)) return *refused;
  auto fields = parse_field_lines(text);
  if (const auto* refused = refusal_in(fields)) return *refused;
  head.headers = std::get<Headers>(std::move(fields));
  const auto framing = response_framing(head.headers, head.minor, head.status);
  if (const auto* refused = refusal_in(framing)) return *refused;
  head.framing = std::get<Framing>(framing);
  return head;
}

}  // namespace http
