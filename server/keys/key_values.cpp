// The texts in keys.toml, judged.
#include "server/keys/key_values.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/account.h"
#include "common/escape.h"
#include "server/keys/decisive_variables.h"

namespace farhand {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Unit {
  char letter;
  std::chrono::seconds length;
};
constexpr std::array kUnits{Unit{'s', std::chrono::seconds{1}}, Unit{'m', std::chrono::minutes{1}},
                            Unit{'h', std::chrono::hours{1}}};

// The classic two-pointer match: the last * is gone back to, so it never takes more than |text| * |pattern| steps.
bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_took = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_took = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_took;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

Result<void> check_key_name(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::kUsage, "a key needs a name");
  if (name.size() > kMaxKeyNameBytes) {
    return fail(ErrorCode::kUsage, "a key's name has at most " + std::to_string(kMaxKeyNameBytes) + " bytes");
  }
  // Escaping is the identity on what is printable and has no backslash.
  if (escape_for_display(name) != name) {
    return fail(ErrorCode::kUsage, quoted(name) + " cannot be a key's name: it is not all printable");
  }
  if (name.front() == '-' || name.front() == ' ' || name.back() == ' ' || name.starts_with("sha256:")) {
    return fail(ErrorCode::kUsage, quoted(name) + " cannot be a key's name: it looks like something else");
  }
  return {};
}

std::string key_name_from(std::string_view claimed) {
  constexpr std::string_view kMarks = "._@+-";
  constexpr std::size_t kMost = 64;
  std::string name;
  for (const char c : claimed.substr(0, kMost)) {
    const bool plain = is_letter(c) || is_digit(c);
    if (plain) {
      name += c;
    } else if (!name.empty()) {
      name += kMarks.find(c) != std::string_view::npos ? c : '-';
    }
  }
  return name.empty() ? "client" : name;
}

Result<RequestRate> parse_rate(std::string_view text) {
  RequestRate rate;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate.count);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc() && rest.size() == 2 && rest.front() == '/' && rate.count > 0) {
    for (const Unit& unit : kUnits) {
      if (unit.letter != rest.back()) continue;
      rate.period = unit.length;
      return rate;
    }
  }
  return fail(ErrorCode::kUsage, quoted(text) + " is no rate: write a number of requests and /s, /m or /h");
}

std::string rate_text(const RequestRate& rate) {
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.length == rate.period; });
  return std::to_string(rate.count) + "/" + (unit == kUnits.end() ? '?' : unit->letter);
}

Result<void> check_root(std::string_view path) {
  if (!path.starts_with('/')) return fail(ErrorCode::kUsage, quoted(path) + " is not absolute");
  if (path.find('\0') != std::string_view::npos) return fail(ErrorCode::kUsage, "a path contains a zero byte");
  const std::string closed = std::string(path) + "/";
  if (closed.find("/../") != std::string::npos) return fail(ErrorCode::kUsage, quoted(path) + " leads through '..'");
  return {};
}

Result<void> check_variable(std::string_view name) {
  const bool shaped = !name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '_';
  });
  if (!shaped) return fail(ErrorCode::kUsage, quoted(name) + " is no name of a variable; there are no patterns here");
  if (!decides_what_runs(name)) return {};
  return fail(ErrorCode::kUsage, quoted(name) + " decides what is run, so no key may let its holder set it");
}

bool words_match(const std::vector<std::string>& pattern, const std::vector<std::string>& words) {
  return std::equal(pattern.begin(), pattern.end(), words.begin(), words.end(), glob);
}

bool user_exists(const std::string& name) {
  return account_of(name).has_value();
}

}  // namespace farhand
