// rserver revoke: takes a key out of keys.toml. A running server sees it by itself, and ends the key's sessions.
#pragma once

#include "common/result.h"
#include "server/commands/command_line.h"
#include "server/commands/outcome.h"

namespace farhand {

Result<CommandOutcome> run_revoke(const RevokeOptions& options);

}  // namespace farhand
