// Headers as a plain list: a message has a dozen of them, and a loop over those is quicker than any index.
#include "server/http/headers.h"

#include <algorithm>

#include "server/http/syntax.h"

namespace http {

void Headers::add(std::string_view name, std::string_view value) {
  fields_.push_back(Field{std::string(name), std::string(value)});
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Headers::get_or(std::string_view name, std::string_view otherwise) const noexcept {
  return get(name).value_or(otherwise);
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) values.emplace_back(field.value);
  }
  return values;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  const auto same = [name](const Field& field) {
    return equal_ignoring_case(field.name, name);
  };
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(), same));
}

bool Headers::lists(std::string_view name, std::string_view word) const noexcept {
  return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) {
    return equal_ignoring_case(field.name, name) && list_contains(field.value, word);
  });
}

}  // namespace http
