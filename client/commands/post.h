// post: uploads files.
#pragma once

#include "client/command_line.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "client/progress.h"

namespace farhand {

// One outcome a file. After the connection is lost the rest is not tried: the last outcome says so.
FilesOutcome run_post(Connection& connection, const PostCommand& command, Progress& progress);

// Whether a slip can carry the name: kUsage if not.
Result<void> check_wire_name(const std::string& name);

}  // namespace farhand
