// Variables that a command is given along: those that were asked for, and what this user's language and time zone are.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace farhand {

// The arguments of --env, NAME=VALUE or NAME (which takes the value that it has here), as NAME=VALUE. kUsage: what is
// neither, a name that is not set here, more or longer ones than a host takes.
Result<std::vector<std::string>> asked_variables(const std::vector<std::string>& given);

// What is set here of LANG, LC_* and TZ.
std::vector<std::string> own_locale();

}  // namespace farhand
