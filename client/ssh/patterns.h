// Patterns of ssh's configuration: * is any letters, ? is any one; lists of them with commas, where ! takes back. Pure.
#pragma once

#include <string_view>

namespace farhand {

bool matches_ssh_pattern(std::string_view text, std::string_view pattern) noexcept;

// Whether a pattern of the list takes `text` and none with ! in front does. `folded`: the list's letters are small
// ones, as it is for hosts and keywords; `text` is in small letters then.
bool matches_ssh_list(std::string_view text, std::string_view list, bool folded);

}  // namespace farhand
