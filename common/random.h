// Randomness from the kernel: names that nobody can guess or collide with, and numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace farhand {

// 64 bits. Throws std::system_error when the kernel has no randomness.
std::uint64_t random_number();

// 2 * `bytes` hexadecimal digits. Throws std::system_error when the kernel has no randomness.
std::string random_hex(std::size_t bytes);

}  // namespace farhand
