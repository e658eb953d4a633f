// What a command of rserver has to say: what goes to standard output, what to standard error, and its exit status.
#pragma once

#include <string>

namespace farhand {

struct CommandOutcome {
  std::string out;
  std::string notes;
  int status = 0;
};

}  // namespace farhand
