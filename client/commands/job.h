// job: files and directories as one job, up or down.
#pragma once

#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "client/progress.h"

namespace farhand {

// Whether this is one: a directory is among the files, or an option asks for it. What a download's path stands for, its
// server knows: see asks_for_job.
bool takes_job(const PostCommand& command);
bool takes_job(const GetCommand& command);

// Whether the failure of a plain `get`, there or here, means that a job may do.
bool asks_for_job(const Error& error);

// Whatever becomes of the job is in the outcome, a connection that is lost included.
FilesOutcome post_job(Connection& connection, const PostCommand& command, Progress& progress);
FilesOutcome get_job(Connection& connection, const GetCommand& command, Progress& progress, mode_t mode_mask);

}  // namespace farhand
