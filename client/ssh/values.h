// How ssh's options write words, numbers, times, variables and tokens. Pure.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace farhand {

// Letters of either size are the same.
bool same_ssh_word(std::string_view one, std::string_view other) noexcept;

std::string in_small_letters(std::string_view text);

// Decimal digits and nothing else, at most `most`.
std::optional<unsigned> ssh_number(std::string_view text, unsigned most) noexcept;

// 90, 90s, 5m, 1h30m and so on; at most a thousand million seconds.
std::optional<std::chrono::seconds> ssh_time(std::string_view text) noexcept;

// Of several variables with one name the first; a word that is no variable stays.
std::vector<std::string> first_ssh_variables(const std::vector<std::string>& words);

// A value in which %h and the like stand for something: %% is a percent sign. kUsage: another
// letter stands behind a percent sign, or nothing.
struct SshToken {
  char letter = 0;
  std::string_view value;
};
Result<std::string> expand_ssh_tokens(std::string_view text, std::initializer_list<SshToken> tokens);

}  // namespace farhand
