// The directory in which a command starts.
#pragma once

#include <string>

#include "common/result.h"
#include "common/rooted_path.h"
#include "common/unique_fd.h"
#include "server/keys/rights.h"

namespace farhand {

// Opens the directory `name` (not empty), relative to the root, for a child to enter. A key that may run certain
// commands only may name those below its root and no others, since where a command starts is part of what it does. For
// everybody else the root confines files, not commands: whatever the user can enter, as `cd` would.
// Errors: one sentence that shows the name. kNotFound: it is not there, or is no directory.
Result<UniqueFd> open_command_directory(const std::string& name, const RootedDirectory& root, const Rights& rights);

// The home of the user that the server is, for a child to enter. Nothing if it cannot be entered, and for a key that
// may run certain commands only, or has a fixed one: these start in the root.
UniqueFd open_home(const Rights& rights);

}  // namespace farhand
