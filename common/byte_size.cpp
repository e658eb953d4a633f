// Amounts of bytes read and written.
#include "common/byte_size.h"

#include <array>
#include <cstdio>

namespace farhand {

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
