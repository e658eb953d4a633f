// Amounts of bytes as people write and read them: 512k, 10M, 1.5G, and back "1.4 GiB".
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace farhand {

// A number, with a decimal fraction if need be, and a unit: none or B for bytes; K, M, G, T, P, E (or k, m, ...) and
// KiB, MiB, ... for powers of 1024; KB, MB, ... for powers of 1000, as rsync and dd have it. A fraction of a byte is
// left out. Nothing if the text is not that, or is more than `most`.
std::optional<std::uint64_t> parse_byte_size(std::string_view text,
                                             std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

// "1.5 GiB": three significant digits or so, binary units.
std::string shown_bytes(double bytes);

}  // namespace farhand
