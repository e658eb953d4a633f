// How tests damage bytes, and bytes written down by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace farhand::test {

// `bytes` with one bit turned; bit 0 is the lowest of the first byte.
std::string flip_bit(std::string bytes, std::size_t bit);

// The first `count` bytes.
std::string truncate_at(const std::string& bytes, std::size_t count);

// Bytes from hexadecimal digits; everything that is no digit is skipped, so they may be grouped.
std::string from_hex(std::string_view digits);

// "68 65 6c"
std::string to_hex(std::string_view bytes);

// Bytes that differ from place to place, so that a piece out of order shows.
std::string pattern(std::size_t size, unsigned seed = 1);

}  // namespace farhand::test
