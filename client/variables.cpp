// --env, and the locale.
#include "client/variables.h"

#include <array>
#include <cstdlib>

#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::array kLocale{"LANG",       "LC_ALL",     "LC_CTYPE",    "LC_MESSAGES", "LC_TIME",
                             "LC_COLLATE", "LC_NUMERIC", "LC_MONETARY", "TZ"};

// No value in a sentence: it may be a secret.
Result<std::string> asked_variable(const std::string& given) {
  const std::string name = given.substr(0, given.find('='));
  if (name.empty()) return fail(ErrorCode::kUsage, "--env takes NAME=VALUE, or NAME for the value that it has here");
  std::string entry = given;
  if (name == given) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return fail(ErrorCode::kUsage, "the variable " + quoted(name) + " is not set here; write --env NAME=VALUE");
    }
    entry += std::string("=") + value;
  }
  if (entry.size() <= kMaxVariableBytes) return entry;
  return fail(ErrorCode::kUsage,
              "the variable " + quoted(name) + " is longer than 4 KiB, which is more than a host takes");
}

}  // namespace

Result<std::vector<std::string>> asked_variables(const std::vector<std::string>& given) {
  if (given.size() > kMaxVariables) {
    return fail(ErrorCode::kUsage, "a command takes at most " + std::to_string(kMaxVariables) + " variables");
  }
  std::vector<std::string> entries;
  for (const std::string& each : given) {
    TRY_ASSIGN(std::string entry, asked_variable(each));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<std::string> own_locale() {
  std::vector<std::string> entries;
  for (const std::string name : kLocale) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') continue;
    std::string entry = name + "=" + value;
    if (entry.size() <= kMaxVariableBytes) entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace farhand
