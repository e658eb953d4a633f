// in_child: runs a function in a forked child of its own, for what a process cannot take back.
#pragma once

#include <functional>
#include <string>

namespace farhand::test {

struct ChildOutcome {
  std::string said;  // what the function returned, or "threw ..."
  int status = 0;    // of waitpid(2)
};

// Only for a process with one thread. The child has half a minute.
ChildOutcome in_child(const std::function<std::string()>& body);

}  // namespace farhand::test
