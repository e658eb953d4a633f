// The rules of RFC 9112 section 6.3, each choice refused.
#include "server/http/framing.h"

#include <algorithm>
#include <charconv>

#include "server/http/limits.h"
#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::string_view kTransferEncoding = "Transfer-Encoding";
constexpr std::string_view kContentLength = "Content-Length";

Parsed<Framing> transfer_coding(const Headers& headers, int minor) {
  if (minor == 0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
  if (headers.contains(kContentLength))
    return Refusal{400, "Content-Length and Transfer-Encoding contradict each other"};
  if (headers.count(kTransferEncoding) > 1) return Refusal{400, "there are two Transfer-Encodings"};
  const std::string_view value = *headers.get(kTransferEncoding);
  if (equal_ignoring_case(value, "chunked")) return Framing{Framing::Kind::kChunked, 0};
  const auto codings = list_elements(value);
  const auto is_chunked = [](std::string_view coding) {
    return equal_ignoring_case(coding, "chunked");
  };
  const bool once = std::count_if(codings.begin(), codings.end(), is_chunked) == 1;
  if (!once || !is_chunked(codings.back())) return Refusal{400, "the Transfer-Encoding does not end with one chunked"};
  if (codings.size() == 1) return Refusal{400, "the Transfer-Encoding is a list with an empty element"};
  return Refusal{501, "no Transfer-Encoding but chunked is known here"};
}

Parsed<Framing> content_length(const Headers& headers) {
  if (headers.count(kContentLength) > 1) return Refusal{400, "there are two Content-Lengths"};
  const auto length = parse_length(*headers.get(kContentLength));
  if (!length) return Refusal{400, "the Content-Length is not one decimal number up to 2^63-1"};
  return Framing{Framing::Kind::kLength, *length};
}

}  // namespace

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || end != text.data() + text.size() || length > kMaxLength) return std::nullopt;
  return length;
}

Parsed<Framing> request_framing(const Headers& headers, int minor) {
  if (headers.contains(kTransferEncoding)) return transfer_coding(headers, minor);
  if (headers.contains(kContentLength)) return content_length(headers);
  return Framing{};
}

Parsed<Framing> response_framing(const Headers& headers, int minor, int status) {
  if (status < 200 || status == 204 || status == 304) return Framing{};
  if (headers.contains(kTransferEncoding)) return transfer_coding(headers, minor);
  if (headers.contains(kContentLength)) return content_length(headers);
  return Framing{Framing::Kind::kUntilClose, 0};
}

}  // namespace http
