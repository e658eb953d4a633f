// The request line, the version, and what the fields must say together.
#include "server/http/request_head.h"

#include <algorithm>
#include <utility>

#include "server/http/field_lines.h"
#include "server/http/syntax.h"

namespace http {
namespace {

std::optional<Refusal> parse_version(std::string_view version, RequestHead& into) {
  const bool shaped = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                      version[6] == '.' && is_digit(version[7]);
  if (!shaped) return Refusal{400, "the request line does not end with a version of HTTP"};
  if (version[5] != '1') return Refusal{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  into.version = version;
  into.minor = version[7] == '0' ? 0 : 1;  // a later 1.x is answered as 1.1 (RFC 9110 section 2.5)
  return std::nullopt;
}

std::optional<Refusal> parse_request_line(std::string_view line, RequestHead& into) {
  const auto method = take_until(line, ' ');
  const auto target = take_until(line, ' ');
  if (!method || !target) return Refusal{400, "the request line is not a method, an address and a version"};
  if (!is_token(*method)) return Refusal{400, "the method has characters that no method has"};
  if (const auto refused = parse_version(line, into)) return refused;
  into.method = *method;
  into.raw_target = *target;
  auto parsed = parse_target(*method, *target);
  if (const auto* refused = refusal_in(parsed)) return *refused;
  into.target = std::get<Target>(std::move(parsed));
  return std::nullopt;
}

// RFC 3986 section 3.2.2, by characters alone: a name, an address, brackets around one of IPv6, a port.
bool is_host(std::string_view host) noexcept {
  return std::all_of(host.begin(), host.end(), [](char byte) {
    return is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z') ||
           (byte != '\0' && std::string_view("-._~%!$&'()*+;=:[]").find(byte) != std::string_view::npos);
  });
}

std::optional<Refusal> check_host(const RequestHead& head) {
  const std::size_t hosts = head.headers.count("Host");
  if (hosts > 1) return Refusal{400, "there are two Hosts"};
  if (hosts == 0 && head.minor > 0) return Refusal{400, "an HTTP/1.1 request names no Host"};
  if (!is_host(head.headers.get_or("Host", ""))) return Refusal{400, "the Host is no name and no address"};
  return std::nullopt;
}

std::optional<Refusal> check_expectation(RequestHead& head) {
  const auto expect = head.headers.get("Expect");
  if (!expect || head.minor == 0) return std::nullopt;
  if (!equal_ignoring_case(*expect, "100-continue")) return Refusal{417, "only 100-continue can be expected here"};
  head.expects_continue = true;
  return std::nullopt;
}

bool wishes_to_stay(const RequestHead& head) noexcept {
  if (head.headers.lists("Connection", "close")) return false;
  return head.minor > 0 || head.headers.lists("Connection", "keep-alive");
}

}  // namespace

Parsed<RequestHead> parse_request_head(std::string_view text) {
  RequestHead head;
  const std::string_view line = take_line(text);
  if (const auto refused = parse_request_line(line, head)) return *refused;
  auto fields = parse_field_lines(text);
  if (const auto* refused = refusal_in(fields)) return *refused;
  head.headers = std::get<Headers>(std::move(fields));
  if (const auto refused = check_host(head)) return *refused;
  const auto framing = request_framing(head.headers, head.minor);
  if (const auto* refused = refusal_in(framing)) return *refused;
  head.framing = std::get<Framing>(framing);
  if (const auto refused = check_expectation(head)) return *refused;
  head.keep_alive = wishes_to_stay(head);
  return head;
}

}  // namespace http
