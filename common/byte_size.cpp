// Amounts of bytes read and written.
#include "common/byte_size.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace farhand {
namespace {

constexpr bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// How many bytes the unit called `name` has.
std::optional<std::uint64_t> unit_called(std::string_view name) {
  if (name.empty() || name == "B") return 1;
  constexpr std::string_view kLetters = "KMGTPEkmgtpe";
  const std::size_t letter = kLetters.find(name.front());
  const std::string_view rest = name.substr(1);
  if (letter == std::string_view::npos || !(rest.empty() || rest == "iB" || rest == "B")) return std::nullopt;
  std::uint64_t unit = 1;
  for (std::size_t i = 0; i <= letter % 6; ++i) unit *= rest == "B" ? 1000 : 1024;
  return unit;
}

// 0.`digits` of `unit`, rounded down. From the last digit on, so that rounding down at each step is exact.
std::uint64_t fraction_of(std::string_view digits, std::uint64_t unit) {
  std::uint64_t part = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    part = (part + static_cast<std::uint64_t>(*digit - '0') * unit) / 10;  // at most 10 EiB before the division
  }
  return part;
}

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text, std::uint64_t most) {
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  std::string_view digits;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    digits =
        text.substr(0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin()));
    if (digits.empty()) return std::nullopt;
    text.remove_prefix(digits.size());
  }
  const auto unit = unit_called(text);
  if (!unit || whole > most / *unit) return std::nullopt;
  const std::uint64_t part = fraction_of(digits, *unit);
  if (part > most - whole * *unit) return std::nullopt;
  return whole * *unit + part;
}

std::string shown_bytes(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  // What would be rounded to 1024 of a unit is one of the next.
  while (bytes >= (unit == 0 ? 1023.5 : 1023.95) && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits.at(unit));
  return text.data();
}

}  // namespace farhand
