// Subsystems: programs that a request names by what they speak, as sshd has them. One table.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace farhand {

// The program that is installed for it. kNotFound: the server knows none of this name, or its program is not there.
Result<std::vector<std::string>> subsystem_argv(const std::string& name);

}  // namespace farhand
