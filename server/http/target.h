// Target: what a request line names, taken apart, and percent-coding (RFC 3986 section 2.1).
//
// Format: RFC 9112 section 3.2. Origin form "/a%20b?q", absolute form "http://host/a", "*" (OPTIONS only), authority
//         form "host:443" (CONNECT only). Refused with 400: a fragment, bytes that are no visible ASCII, %XX with
//         digits that are not hexadecimal, %00.
//
// A decoded path may hold "..", and a slash that was written %2F: whoever opens files asks path_stays_inside() first
// and resolves below a pinned directory besides.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/refusal.h"

namespace http {

struct Target {
  enum class Form { kOrigin, kAbsolute, kAsterisk, kAuthority };
  Form form = Form::kOrigin;
  std::string raw_path;    // as it was written, with a leading slash
  std::string path;        // decoded
  std::string query;       // as it was written, without the question mark
  bool has_query = false;  // "/a?" has an empty one
  std::string authority;   // host and port of the absolute and the authority form
};

[[nodiscard]] FARHAND_API Parsed<Target> parse_target(std::string_view method, std::string_view target);

// Every %XX as its byte; nothing if one is damaged or is %00.
[[nodiscard]] FARHAND_API std::optional<std::string> percent_decode(std::string_view text);
// A form's field (application/x-www-form-urlencoded): the same, and a plus is a space.
[[nodiscard]] FARHAND_API std::optional<std::string> form_decode(std::string_view text);
// Everything but unreserved characters and slashes as %XX: a path that a page or a Location may carry.
[[nodiscard]] FARHAND_API std::string percent_encode_path(std::string_view path);
// With slashes coded too: one name in a listing.
[[nodiscard]] FARHAND_API std::string percent_encode(std::string_view text);

// Whether no component of a decoded path is "..": such a path names nothing here, whether or not it would leave.
[[nodiscard]] FARHAND_API bool path_stays_inside(std::string_view path) noexcept;

}  // namespace http
