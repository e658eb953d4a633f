// SHA-256 of bytes, for what must not be guessed back from its digest.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "common/bytes.h"

namespace farhand {

using Sha256 = std::array<std::uint8_t, 32>;

// Of the parts, one behind the other. Throws std::runtime_error if OpenSSL has no SHA-256.
Sha256 sha256(std::initializer_list<Bytes> parts);

}  // namespace farhand
