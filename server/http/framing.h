// Framing: how many bytes follow a head, by RFC 9112 section 6, and without guessing.
//
// Two peers that disagree about a body's length disagree about where the next request begins: that is request
// smuggling. So whatever leaves a choice is refused, where the RFC permits to repair it.
//
//   Transfer-Encoding and Content-Length together     400
//   Content-Length twice, also with equal values      400, also as "5, 5"
//   Content-Length that is not digits alone           400, also "+5", "0x5", "", or over 2^63-1
//   Transfer-Encoding: chunked                        chunked; in HTTP/1.0: 400
//   Transfer-Encoding of any other kind               501 if chunked comes last, else 400; twice: 400
#pragma once

#include <cstdint>
#include <optional>

#include "common/export.h"
#include "server/http/headers.h"
#include "server/http/refusal.h"

namespace http {

struct Framing {
  enum class Kind { kNone, kLength, kChunked, kUntilClose };  // the last for responses only
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;  // of kLength
};

// `minor` is the version's: 0 for HTTP/1.0.
[[nodiscard]] FARHAND_API Parsed<Framing> request_framing(const Headers& headers, int minor);
// What follows the head of an answer to a GET. Refusals' statuses mean nothing to a client.
[[nodiscard]] FARHAND_API Parsed<Framing> response_framing(const Headers& headers, int minor, int status);

// Digits alone, at most 2^63-1.
[[nodiscard]] FARHAND_API std::optional<std::uint64_t> parse_length(std::string_view text) noexcept;

}  // namespace http
