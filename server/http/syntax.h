// The characters and words of RFC 9110 section 5.6: tokens, white space, lists. Bytes, never the locale's characters.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace http {

[[nodiscard]] bool is_token_byte(char byte) noexcept;
[[nodiscard]] bool is_token(std::string_view text) noexcept;  // not empty
// What may stand in a field's value: visible ASCII, space, tab, and bytes above 0x7F (obs-text).
[[nodiscard]] bool is_value_byte(char byte) noexcept;
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_digit(char byte) noexcept {
  return byte >= '0' && byte <= '9';
}
[[nodiscard]] int hex_digit(char byte) noexcept;  // -1 if it is none

[[nodiscard]] char lower(char byte) noexcept;  // ASCII only
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;  // without spaces and tabs at its ends

// The elements of a comma-separated list, trimmed; empty ones are left out, as RFC 9110 section 5.6.1.2 asks.
[[nodiscard]] std::vector<std::string_view> list_elements(std::string_view list);
[[nodiscard]] bool list_contains(std::string_view list, std::string_view word) noexcept;  // ignoring case

// Takes `text` up to `separator` off its front, or nothing and all of it if there is none.
[[nodiscard]] std::optional<std::string_view> take_until(std::string_view& text, char separator) noexcept;

}  // namespace http
