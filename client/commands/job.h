// One job of files and directories, up or down, out of a command.
#pragma once

#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "client/progress.h"

namespace farhand {

// What they name has been judged (client/commands/names.h), and is little enough for one job; `several`: they are not
// all there is, or not alone.
//
// Whatever becomes of the job is in the outcome, a connection that is lost included.
FilesOutcome post_job(Connection& connection, const PostCommand& command, bool several, Progress& progress);
FilesOutcome get_job(Connection& connection, const GetCommand& command, bool several, Progress& progress,
                     mode_t mode_mask);

}  // namespace farhand
