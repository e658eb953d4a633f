// Random text from the kernel, for names that nobody can guess or collide with.
#pragma once

#include <cstddef>
#include <string>

namespace farhand {

// 2 * `bytes` hexadecimal digits. Throws std::system_error when the kernel has no randomness.
std::string random_hex(std::size_t bytes);

}  // namespace farhand
