// Patterns matched, in time that is at most the product of both lengths.
#include "client/ssh/patterns.h"

#include <algorithm>
#include <string>

#include "client/ssh/values.h"

namespace farhand {

// After a star only the last one need be tried again: an earlier one could take no more than it leaves to that.
bool matches_ssh_pattern(std::string_view text, std::string_view pattern) noexcept {
  std::size_t in_text = 0;
  std::size_t in_pattern = 0;
  std::size_t behind_star = std::string_view::npos;
  std::size_t taken = 0;  // by that star: up to here
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      behind_star = ++in_pattern;
      taken = in_text;
    } else if (in_pattern < pattern.size() && (pattern[in_pattern] == '?' || pattern[in_pattern] == text[in_text])) {
      ++in_pattern;
      ++in_text;
    } else if (behind_star != std::string_view::npos) {
      in_pattern = behind_star;
      in_text = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

bool matches_ssh_list(std::string_view text, std::string_view list, bool folded) {
  bool found = false;
  for (;;) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view pattern = list.substr(0, comma);
    const bool back = pattern.starts_with('!');
    if (back) pattern.remove_prefix(1);
    if (matches_ssh_pattern(text, folded ? in_small_letters(pattern) : std::string(pattern))) {
      if (back) return false;
      found = true;
    }
    if (comma == list.size()) return found;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace farhand
