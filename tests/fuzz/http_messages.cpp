// Fuzz target: HTTP's parsers on arbitrary bytes. The first byte chooses the pieces in which the rest arrives; the
// pieces must change nothing, and nothing may crash.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/cgi_output.h"
#include "server/http/chunked_decoder.h"
#include "server/http/date.h"
#include "server/http/head_scanner.h"
#include "server/http/html.h"
#include "server/http/range.h"
#include "server/http/request_head.h"
#include "server/http/response_parser.h"
#include "server/http/url.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

std::string request(std::string_view text, std::size_t piece) {
  http::HeadScanner scanner;
  std::optional<http::Parsed<std::size_t>> end;
  for (std::size_t bytes = 0; bytes < text.size() && !end;) {
    bytes = std::min(text.size(), bytes + piece);
    end = scanner.scan(text.substr(0, bytes));
  }
  if (!end) return "more";
  if (const auto* refusal = http::refusal_in(*end)) return std::to_string(refusal->status);
  const auto bytes = std::get<std::size_t>(*end);
  const auto head = http::parse_request_head(text.substr(scanner.begin(), bytes - scanner.begin()));
  if (const auto* refusal = http::refusal_in(head)) return std::to_string(refusal->status);
  const auto& target = std::get<http::RequestHead>(head).target;
  must(http::percent_decode(http::percent_encode(target.path)) == target.path);
  return std::get<http::RequestHead>(head).method + target.path + std::to_string(bytes);
}

std::string response(std::string_view text, std::size_t piece) {
  http::ResponseParser parser(4096);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) parser.feed(text.substr(0, piece));
  return parser.end() == http::ResponseParser::State::kDone ? parser.page().body : "failed";
}

std::string chunks(std::string_view text, std::size_t piece) {
  http::ChunkedDecoder decoder;
  std::string data;
  while (!text.empty() && !decoder.done()) {
    const auto step = decoder.decode(text.substr(0, piece));
    if (step.refusal) return "refused";
    must(step.consumed > 0);
    data += step.data;
    text.remove_prefix(step.consumed);
  }
  return decoder.done() ? data : "more";
}

void values(std::string_view text) {
  static_cast<void>(http::parse_date(text, {}));
  static_cast<void>(http::parse_url(text));
  static_cast<void>(http::escape_html(text));
  const auto range = http::answer_range(text, 1000);
  must(range.length <= 1000 && range.offset <= 1000 - range.length);
  http::CgiOutput output;
  static_cast<void>(output.feed(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 32U + 1U;
  must(request(text, piece) == request(text, text.size()));
  must(response(text, piece) == response(text, text.size()));
  must(chunks(text, piece) == chunks(text, text.size()));
  values(text);
  return 0;
}
