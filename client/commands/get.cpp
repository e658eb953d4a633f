// get: names into jobs.
#include "client/commands/get.h"

#include <utility>

#include "client/commands/job.h"
#include "client/commands/names.h"

namespace farhand {

FilesOutcome run_get(Connection& connection, const GetCommand& command, Progress& progress, mode_t mode_mask) {
  return in_jobs(connection, command.paths, [&](std::vector<std::string> paths) {
    GetCommand portion = command;
    portion.paths = std::move(paths);
    const bool several = command.paths.size() > 1 || !command.options.files_from.empty();
    return get_job(connection, portion, several, progress, mode_mask);
  });
}

}  // namespace farhand
