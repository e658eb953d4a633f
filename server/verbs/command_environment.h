// The environment of a command: built from nothing, plus an allow-list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farhand {

// Where programs without a slash are looked for. Fixed, so that a command means the same whoever started the server.
inline constexpr const char* kCommandPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// PATH, HOME, USER, LOGNAME and SHELL of the server's user, and what the server has of LANG, LC_* and TZ; over that
// what the request brings, NAME=VALUE each. A name stands there once: the last counts. If the request says anything of
// the language, the server's own LANG and LC_* are left out altogether: a mixture of two would be neither's.
std::vector<std::string> command_environment(const std::vector<std::string>& brought = {});

// The shell of the server's user, as the user database has it; /bin/sh where it says nothing. And the home; / likewise.
std::string account_shell();
std::string account_home();

// What stands before the first '='.
std::string_view variable_name(std::string_view entry) noexcept;

// Adds NAME=VALUE, in the place of what had this name.
void set_variable(std::vector<std::string>& environment, const std::string& entry);

}  // namespace farhand
