// Paths as text: their last components and what stands before. Nothing is looked up.
#pragma once

#include <string>
#include <string_view>

namespace farhand {

// Before the last slash; empty if there is none.
std::string_view parent_of(std::string_view path) noexcept;

// Behind the last slash, all of it if there is none; empty if the path ends with one.
std::string leaf_of(std::string_view path);

// The last component as a user writes it, slashes at the end ignored; empty if there is none ("", "/").
std::string last_component(std::string_view path);

// Whether `path` is `directory` or below it; everything is below "".
bool is_or_holds(std::string_view directory, std::string_view path) noexcept;

// What is called `name` in `directory`; "." is left out.
std::string joined_path(std::string_view directory, std::string_view name);

}  // namespace farhand
