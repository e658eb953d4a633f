// The environment of a command.
#include "server/verbs/command_environment.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace farhand {
namespace {

// Exact names: a prefix such as LC_* would let anything through that begins so.
constexpr std::array kKept{"LANG",       "LC_ALL",     "LC_CTYPE",    "LC_MESSAGES", "LC_TIME",
                           "LC_COLLATE", "LC_NUMERIC", "LC_MONETARY", "TZ"};

struct Account {
  std::string home = "/";
  std::string name;  // empty: the database knows no such user
  std::string shell = "/bin/sh";
};

Account own_account() {
  std::vector<char> memory(16 << 10);
  passwd entry{};
  passwd* found = nullptr;
  Account account;
  if (::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) return account;
  account.home = found->pw_dir;
  account.name = found->pw_name;
  if (found->pw_shell != nullptr && found->pw_shell[0] != '\0') account.shell = found->pw_shell;
  return account;
}

void add_account(std::vector<std::string>& environment) {
  const Account account = own_account();
  environment.push_back("HOME=" + account.home);
  if (account.name.empty()) return;
  environment.push_back("USER=" + account.name);
  environment.push_back("LOGNAME=" + account.name);
  environment.push_back("SHELL=" + account.shell);
}

bool is_of_language(std::string_view entry) {
  return entry.starts_with("LC_") || variable_name(entry) == "LANG";
}

}  // namespace

std::string account_shell() {
  return own_account().shell;
}

std::string account_home() {
  return own_account().home;
}

std::string_view variable_name(std::string_view entry) noexcept {
  return entry.substr(0, entry.find('='));
}

void set_variable(std::vector<std::string>& environment, const std::string& entry) {
  std::erase_if(environment, [&](const std::string& other) { return variable_name(other) == variable_name(entry); });
  environment.push_back(entry);
}

std::vector<std::string> command_environment(const std::vector<std::string>& brought) {
  std::vector<std::string> environment;
  environment.emplace_back("PATH=").append(kCommandPath);
  add_account(environment);
  const bool brings_language = std::any_of(brought.begin(), brought.end(), is_of_language);
  for (const char* name : kKept) {
    const char* value = std::getenv(name);
    if (value == nullptr || (brings_language && is_of_language(name))) continue;
    environment.push_back(std::string(name) + "=" + value);
  }
  for (const std::string& entry : brought) set_variable(environment, entry);
  return environment;
}

}  // namespace farhand
