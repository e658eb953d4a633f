// get: downloads files. What the server calls them never decides where they go here.
#pragma once

#include "client/command_line.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "client/progress.h"

namespace farhand {

// One outcome a file. After the connection is lost the rest is not tried: the last outcome says so.
FilesOutcome run_get(Connection& connection, const GetCommand& command, Progress& progress, mode_t mode_mask);

}  // namespace farhand
