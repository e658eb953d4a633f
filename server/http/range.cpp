// The one range that is understood.
#include "server/http/range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

// A number too large for us is as good as any behind the end of every file.
std::optional<std::uint64_t> position(std::string_view digits) noexcept {
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    if (number > kHuge / 10 - 1) return kHuge;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

RangeAnswer suffix(std::uint64_t wanted, std::uint64_t size) noexcept {
  const std::uint64_t length = std::min(wanted, size);
  if (length == 0) return {RangeAnswer::Kind::kUnsatisfiable, 0, 0};
  return {RangeAnswer::Kind::kPart, size - length, length};
}

RangeAnswer from_to(std::uint64_t first, std::uint64_t last, std::uint64_t size) noexcept {
  if (first >= size) return {RangeAnswer::Kind::kUnsatisfiable, 0, 0};
  return {RangeAnswer::Kind::kPart, first, std::min(last, size - 1) - first + 1};
}

}  // namespace

RangeAnswer answer_range(std::string_view field, std::uint64_t size) {
  const RangeAnswer whole{RangeAnswer::Kind::kWhole, 0, size};
  const auto unit = take_until(field, '=');
  if (!unit || !equal_ignoring_case(*unit, "bytes")) return whole;
  const auto before = take_until(field, '-');  // a list has a comma in what follows, which is no number
  if (!before) return whole;
  const auto first = position(*before);
  const auto last = position(field);
  if (before->empty() && last) return suffix(*last, size);
  if (first && field.empty()) return from_to(*first, kHuge, size);
  if (first && last && *first <= *last) return from_to(*first, *last, size);
  return whole;
}

std::string content_range(const RangeAnswer& answer, std::uint64_t size) {
  const std::string whole = "/" + std::to_string(size);
  if (answer.kind == RangeAnswer::Kind::kUnsatisfiable) return "bytes *" + whole;
  return "bytes " + std::to_string(answer.offset) + "-" + std::to_string(answer.offset + answer.length - 1) + whole;
}

}  // namespace http
