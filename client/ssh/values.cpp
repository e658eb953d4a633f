// Values of ssh's options.
#include "client/ssh/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "client/verb_words.h"
#include "common/escape.h"

namespace farhand {

bool same_ssh_word(std::string_view one, std::string_view other) noexcept {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
  });
}

std::optional<unsigned> ssh_number(std::string_view text, unsigned most) noexcept {
  unsigned number = 0;
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (trouble != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

// 90, 90s, 5m, 1h30m and so on, as ssh writes times.
std::optional<std::chrono::seconds> ssh_time(std::string_view text) noexcept {
  constexpr unsigned kLongest = 1000000000;
  std::uint64_t all = 0;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = ssh_number(text.substr(0, digits), kLongest);
    if (!number) return std::nullopt;
    const char unit = digits < text.size() ? text[digits] : 's';
    const std::size_t which = std::string_view("smhdwSMHDW").find(unit);
    if (which == std::string_view::npos) return std::nullopt;
    constexpr std::array<std::uint64_t, 5> kSeconds{1, 60, 3600, 86400, 604800};
    all += *number * kSeconds.at(which % kSeconds.size());
    text.remove_prefix(std::min(digits + 1, text.size()));
  }
  if (all > kLongest) return std::nullopt;
  return std::chrono::seconds(all);
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& letter : small) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return small;
}

std::vector<std::string> first_ssh_variables(const std::vector<std::string>& words) {
  std::vector<std::string> variables;
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('=') + 1);  // with its =; empty where there is none
    const bool known = !name.empty() && std::any_of(variables.begin(), variables.end(),
                                                    [&](const std::string& other) { return other.starts_with(name); });
    if (!known) variables.push_back(word);
  }
  return variables;
}

Result<std::string> expand_ssh_tokens(std::string_view text, std::initializer_list<SshToken> tokens) {
  std::string expanded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      expanded += text[at];
      continue;
    }
    const char letter = ++at < text.size() ? text[at] : '\0';
    const auto* const token =
        std::find_if(tokens.begin(), tokens.end(), [&](const SshToken& each) { return each.letter == letter; });
    if (letter == '%')
      expanded += '%';
    else if (token != tokens.end())
      expanded += token->value;
    else
      return fail(usage(quoted(text.substr(at - 1, 2)) + " does not work here (a percent sign is written %%)"));
  }
  return expanded;
}

}  // namespace farhand
