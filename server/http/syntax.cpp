// Tables and loops for the words of RFC 9110.
#include "server/http/syntax.h"

#include <algorithm>

#include "server/http/refusal.h"

namespace http {

HttpError::~HttpError() = default;  // here, so that the class has one home

bool is_token_byte(char byte) noexcept {
  if (is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z')) return true;
  return byte != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(byte) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_byte);
}

bool is_value_byte(char byte) noexcept {
  const auto number = static_cast<unsigned char>(byte);
  return number == '\t' || (number >= 0x20 && number != 0x7F);
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), is_value_byte);
}

int hex_digit(char byte) noexcept {
  if (is_digit(byte)) return byte - '0';
  const char small = lower(byte);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

char lower(char byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::string_view> take_until(std::string_view& text, char separator) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

std::vector<std::string_view> list_elements(std::string_view list) {
  std::vector<std::string_view> elements;
  for (bool more = true; more;) {
    const auto taken = take_until(list, ',');
    more = taken.has_value();
    const std::string_view element = trimmed(taken.value_or(list));
    if (!element.empty()) elements.push_back(element);
  }
  return elements;
}

bool list_contains(std::string_view list, std::string_view word) noexcept {
  for (bool more = true; more;) {
    const auto taken = take_until(list, ',');
    more = taken.has_value();
    if (equal_ignoring_case(trimmed(taken.value_or(list)), word)) return true;
  }
  return false;
}

}  // namespace http
