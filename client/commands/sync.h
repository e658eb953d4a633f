// sync: a job that makes one side the like of the other.
#pragma once

#include <sys/types.h>

#include "client/command_line.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "client/progress.h"

namespace farhand {

// Whatever becomes of it is in the outcome, a connection that is lost included.
FilesOutcome run_sync(Connection& connection, const SyncCommand& command, Progress& progress, mode_t mode_mask);

}  // namespace farhand
