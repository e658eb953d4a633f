// The lists of a request, judged name by name.
#include "server/verbs/request_environment.h"

#include <algorithm>
#include <array>

#include "common/escape.h"
#include "server/verbs/command_environment.h"

namespace farhand {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kMostPlainBytes = 64;  // longer than any locale, zone or terminal has

// Exact names: a prefix such as LC_* would let anything through that begins so.
constexpr std::array<std::string_view, 11> kForEverybody{"LANG",    "LC_ALL",     "LC_CTYPE",    "LC_MESSAGES",
                                                         "LC_TIME", "LC_COLLATE", "LC_NUMERIC",  "LC_MONETARY",
                                                         "TZ",      "TERM",       "GIT_PROTOCOL"};

bool contains(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

bool is_name(std::string_view name) {
  return !name.empty() && !contains(kDigits, name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
    return contains(kDigits, c) || contains(kLetters, c) || c == '_';
  });
}

// The C library reads files by these values: the zone's below its own directory, or wherever an absolute name or one
// behind a colon leads; terminals and locales by names that never have a slash.
bool is_plain_value(std::string_view name, std::string_view value) {
  const bool zone = name == "TZ";
  const bool git = name == "GIT_PROTOCOL";  // version=2
  const bool fits =
      !value.empty() && value.size() <= kMostPlainBytes && std::all_of(value.begin(), value.end(), [zone, git](char c) {
        return contains(kDigits, c) || contains(kLetters, c) || contains("._+-@:", c) || (zone && c == '/') ||
               (git && c == '=');
      });
  return fits && value.find("..") == std::string_view::npos && !(zone && contains("/:", value.front()));
}

enum class Verdict { kPermitted, kName, kValue };

Verdict judge(std::string_view entry, const Rights& rights) {
  const std::string_view name = variable_name(entry);
  if (rights.any_env) return is_name(name) ? Verdict::kPermitted : Verdict::kName;
  if (std::find(kForEverybody.begin(), kForEverybody.end(), name) != kForEverybody.end()) {
    return is_plain_value(name, entry.substr(name.size() + 1)) ? Verdict::kPermitted : Verdict::kValue;
  }
  return std::find(rights.env.begin(), rights.env.end(), name) != rights.env.end() ? Verdict::kPermitted
                                                                                   : Verdict::kName;
}

Error refusal(std::string_view name, Verdict verdict, const Rights& rights) {
  if (verdict == Verdict::kValue) {
    return Error{ErrorCode::kRefused, "the variable " + quoted(name) + " may not have this value on this server",
                 false};
  }
  if (rights.any_env) return Error{ErrorCode::kRefused, quoted(name) + " is no name of a variable", false};
  return Error{ErrorCode::kRefused,
               "the variable " + quoted(name) + " may not be set on this server; 'env' of the key " +
                   quoted(rights.name) + " in keys.toml can permit it",
               false};
}

}  // namespace

Result<std::vector<std::string>> permitted_variables(const ExecRequest& request, const Rights& rights) {
  std::vector<std::string> permitted;
  for (const std::string& entry : request.locale) {
    if (judge(entry, rights) == Verdict::kPermitted) set_variable(permitted, entry);
  }
  for (const std::string& entry : request.environment) {
    if (const Verdict verdict = judge(entry, rights); verdict != Verdict::kPermitted) {
      return fail(refusal(variable_name(entry), verdict, rights));
    }
    set_variable(permitted, entry);
  }
  return permitted;
}

}  // namespace farhand
