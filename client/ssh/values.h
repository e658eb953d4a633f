// How ssh's options write words, numbers, times and variables. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farhand {

// Letters of either size are the same.
bool same_ssh_word(std::string_view one, std::string_view other) noexcept;

// Decimal digits and nothing else, at most `most`.
std::optional<unsigned> ssh_number(std::string_view text, unsigned most) noexcept;

// 90, 90s, 5m, 1h30m and so on; at most a thousand million seconds.
std::optional<std::chrono::seconds> ssh_time(std::string_view text) noexcept;

std::vector<std::string> ssh_words(std::string_view text, std::string_view separators = " \t");

// A="x y" B=z: blanks separate, but between quotes, which go. Of several with one name the first counts.
std::vector<std::string> ssh_variables(std::string_view value);

}  // namespace farhand
