// HeadScanner's loop: one look at each byte.
#include "server/http/head_scanner.h"

#include "server/http/limits.h"
#include "server/http/syntax.h"

namespace http {

std::optional<Parsed<std::size_t>> HeadScanner::scan(std::string_view all) noexcept {
  for (; at_ < all.size(); ++at_) {
    if (const auto refused = check_byte(all)) return *refused;
    if (const auto refused = check_lengths()) return *refused;
    if (all[at_] != '\n') continue;
    if (const auto ended = end_line()) return ended;
  }
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::check_byte(std::string_view all) const noexcept {
  const char byte = all[at_];
  const bool after_cr = at_ > line_ && all[at_ - 1] == '\r';
  if (byte == '\n') {
    if (!after_cr) return Refusal{400, "a line ends with a bare LF, not with CR LF"};
  } else if (after_cr) {
    return Refusal{400, "a CR stands without its LF"};
  } else if (byte != '\r' && !is_value_byte(byte)) {
    return Refusal{400, "the head holds a control byte"};
  }
  return std::nullopt;
}

std::optional<Refusal> HeadScanner::check_lengths() const noexcept {
  const std::size_t bytes = at_ + 1 - line_;
  if (in_start_line()) {
    if (bytes <= kMaxStartLineBytes) return std::nullopt;
    return Refusal{414, "the request line is longer than 8 KiB"};
  }
  if (bytes > kMaxFieldLineBytes) return Refusal{431, "a header field is longer than 8 KiB"};
  if (at_ + 1 - fields_ > kMaxFieldsBytes) return Refusal{431, "the header fields are longer than 64 KiB together"};
  return std::nullopt;
}

std::optional<Parsed<std::size_t>> HeadScanner::end_line() noexcept {
  const bool empty = at_ - line_ == 1;  // the CR alone
  const bool started = !in_start_line();
  line_ = at_ + 1;
  if (empty) {
    if (started) return at_ + 1;
    if (++ignored_ > kMaxIgnoredEmptyLines) return Refusal{400, "empty lines stand where a request should"};
    begin_ = line_;
    return std::nullopt;
  }
  if (++lines_ == 1 && !started) fields_ = line_;
  if (lines_ > kMaxFields + (kind_ == HeadKind::kFieldsOnly ? 0 : 1)) {
    return Refusal{431, "there are more than 100 header fields"};
  }
  return std::nullopt;
}

}  // namespace http
