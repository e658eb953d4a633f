// What post and get have named, before anything is said of it: judged, and shared out to jobs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/connection.h"
#include "client/outcome.h"

namespace farhand {

// Runs `job` with as many of the names at a time as one job takes, until the connection is lost, and makes one outcome
// of it all. Names that cannot be asked for have their outcome (kUsage) and no job; two that would be stored under one
// name are refused before anything is sent. Of one name "." or "/" are its contents, which a job takes too.
FilesOutcome in_jobs(const Connection& connection, const std::vector<std::string>& names,
                     const std::function<FilesOutcome(std::vector<std::string>)>& job);

}  // namespace farhand
