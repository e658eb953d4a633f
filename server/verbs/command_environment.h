// The environment of a command: built from nothing, plus an allow-list.
#pragma once

#include <string>
#include <vector>

namespace farhand {

// Where programs without a slash are looked for. Fixed, so that a command means the same whoever started the server.
inline constexpr const char* kCommandPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// PATH, HOME, USER, LOGNAME and SHELL of the server's user, and what the server has of LANG, LC_* and TZ.
std::vector<std::string> command_environment();

}  // namespace farhand
