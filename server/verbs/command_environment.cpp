// The environment of a command.
#include "server/verbs/command_environment.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace farhand {
namespace {

// Exact names: a prefix such as LC_* would let anything through that begins so.
constexpr std::array kKept{"LANG",       "LC_ALL",     "LC_CTYPE",    "LC_MESSAGES", "LC_TIME",
                           "LC_COLLATE", "LC_NUMERIC", "LC_MONETARY", "TZ"};

void add_account(std::vector<std::string>& environment) {
  std::vector<char> memory(16 << 10);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) {
    environment.emplace_back("HOME=/");
    return;
  }
  const std::string shell = found->pw_shell != nullptr && found->pw_shell[0] != '\0' ? found->pw_shell : "/bin/sh";
  environment.push_back(std::string("HOME=") + found->pw_dir);
  environment.push_back(std::string("USER=") + found->pw_name);
  environment.push_back(std::string("LOGNAME=") + found->pw_name);
  environment.push_back("SHELL=" + shell);
}

}  // namespace

std::vector<std::string> command_environment() {
  std::vector<std::string> environment{std::string("PATH=") + kCommandPath};
  add_account(environment);
  for (const char* name : kKept) {
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

}  // namespace farhand
