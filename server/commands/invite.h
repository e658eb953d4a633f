// rserver invite: makes an invitation and the line that takes it. Works while the server runs and, with --host,
// without.
//
// Whatever is odd is refused now and not when the client comes: a root that is not there, an unknown user or right, a
// name that is taken.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"
#include "server/commands/command_line.h"
#include "server/commands/outcome.h"

namespace farhand {

Result<CommandOutcome> run_invite(const InviteOptions& options);

// The parts that need no directory, for tests.
Result<std::chrono::seconds> parse_validity(const std::string& text);

}  // namespace farhand
