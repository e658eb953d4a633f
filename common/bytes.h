// Views of bytes, and the ways between them and text. Bytes are counted, never characters.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace farhand {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

inline std::string_view text_of(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace farhand
