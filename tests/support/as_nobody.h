// as_nobody: runs a function without privileges, because root passes every permission check.
#pragma once

#include <functional>
#include <string>

namespace farhand::test {

// Runs `body` in a forked child that is uid and gid 65534 (if this process is root; otherwise as it is), and gives what
// it returned. Only for a process with one thread. Throws std::system_error when it cannot be arranged.
std::string as_nobody(const std::function<std::string()>& body);

}  // namespace farhand::test
