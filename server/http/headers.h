// Headers: the fields of a message in the order they came, found by name whatever the case.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/export.h"

namespace http {

class FARHAND_API Headers {
 public:
  struct Field {
    std::string name;  // as it was written
    std::string value;
  };

  void add(std::string_view name, std::string_view value);
  void clear() noexcept { fields_.clear(); }

  // The first field of that name. The view lives as long as this object is not changed.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view get_or(std::string_view name, std::string_view otherwise) const noexcept;
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const noexcept { return count(name) > 0; }
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  // Whether any field of that name, a comma-separated list, has the word, whatever the case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view word) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

}  // namespace http
