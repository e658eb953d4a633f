// What an exec request leads to under a key's rights: which argv runs, and what it is told of the request. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "protocol/messages/command.h"
#include "server/keys/rights.h"

namespace farhand {

struct CommandChoice {
  std::vector<std::string> argv;         // empty: the user's own shell, as at a login; a line may be cut (long_line.h)
  std::vector<std::string> environment;  // NAME=VALUE, on top of what every command gets
};

// kRefused: a variable that may not be set, or the key's `argv` has no pattern that the request matches. A shell line
// is matched as the argv that it would be: /bin/sh (or the user's own shell), -c, the line; a subsystem as its program.
// A login matches no pattern. kNotFound: a subsystem that is not there.
Result<CommandChoice> choose_command(const ExecRequest& request, const Rights& rights);

}  // namespace farhand
