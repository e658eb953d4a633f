// Url: an http address taken apart, for a client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/refusal.h"

namespace http {

struct Url {
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string host_field;  // as the Host field wants it: "example.org", "example.org:8080", "[::1]"
  std::string target;      // the path and the query; "/" at least
};

// http:// alone. A user, bytes that are no visible ASCII, and a port outside 1..65535 are refused; a fragment is
// dropped.
[[nodiscard]] FARHAND_API Parsed<Url> parse_url(std::string_view text);

}  // namespace http
