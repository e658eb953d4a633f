// The head of a script's output.
#include "server/http/cgi_output.h"

#include <algorithm>
#include <array>

#include "server/http/field_lines.h"
#include "server/http/framing.h"
#include "server/http/limits.h"
#include "server/http/syntax.h"

namespace http {
namespace {

// What a server says itself, or what would contradict how it frames the answer.
bool is_ours(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 7> kOurs{"Status", "Connection", "Keep-Alive", "Transfer-Encoding",
                                                  "Server", "Date",       "Upgrade"};
  return std::any_of(kOurs.begin(), kOurs.end(),
                     [name](std::string_view each) { return equal_ignoring_case(each, name); });
}

std::optional<Refusal> take_status(std::string_view value, CgiHead& into) {
  const bool numbered = value.size() >= 3 && std::all_of(value.begin(), value.begin() + 3, is_digit);
  if (!numbered || (value.size() > 3 && value[3] != ' '))
    return Refusal{502, "the script's Status has no three digits"};
  into.status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
  if (into.status < 200 || into.status > 599) return Refusal{502, "the script's Status is not between 200 and 599"};
  if (value.size() > 4) into.reason = value.substr(4);
  return std::nullopt;
}

Parsed<CgiHead> checked(const Headers& fields) {
  CgiHead head;
  if (!fields.contains("Content-Type") && !fields.contains("Location")) {
    return Refusal{502, "the script gave neither a Content-Type nor a Location"};
  }
  if (fields.contains("Location")) head.status = 302;
  if (const auto status = fields.get("Status")) {
    if (const auto refusal = take_status(*status, head)) return *refusal;
  }
  const auto length = fields.get("Content-Length");
  if (fields.count("Content-Length") > 1 || (length && !parse_length(*length))) {
    return Refusal{502, "the script's Content-Length is not one number"};
  }
  for (const auto& field : fields) {
    if (!is_ours(field.name)) head.headers.add(field.name, field.value);
  }
  return head;
}

}  // namespace

std::optional<Parsed<CgiHead>> CgiOutput::feed(std::string_view piece) {
  text_ += piece;
  Headers fields;
  std::string_view rest = text_;
  // The head's end first, so that its lines are looked at once.
  std::size_t end = std::string::npos;
  for (std::size_t at = text_.find('\n', searched_); at != std::string::npos; at = text_.find('\n', at + 1)) {
    const bool empty =
        at == 0 || text_[at - 1] == '\n' || (text_[at - 1] == '\r' && (at == 1 || text_[at - 2] == '\n'));
    searched_ = at + 1;
    if (!empty) continue;
    end = at;
    break;
  }
  if (end == std::string::npos) {
    if (text_.size() <= kMaxFieldsBytes) return std::nullopt;
    return Refusal{502, "the script's header fields do not end"};
  }
  body_ = rest.substr(end + 1);
  rest = rest.substr(0, end);
  while (const auto line = take_until(rest, '\n')) {
    const std::string_view bare = line->substr(0, line->size() - (line->ends_with('\r') ? 1 : 0));
    if (parse_field_line(bare, fields)) return Refusal{502, "the script's header fields are damaged"};
  }
  return checked(fields);
}

}  // namespace http
