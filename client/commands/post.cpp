// post: names into jobs.
#include "client/commands/post.h"

#include <utility>

#include "client/commands/job.h"
#include "client/commands/names.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {

Result<void> check_wire_name(const std::string& name) {
  if (name.size() > kMaxFrameNameBytes) {
    return fail(ErrorCode::kUsage, "the name " + farhand::quoted(name) + " is longer than 4096 bytes");
  }
  if (name.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, "the name " + farhand::quoted(name) + " contains a zero byte");
  }
  return {};
}

FilesOutcome run_post(Connection& connection, const PostCommand& command, Progress& progress) {
  return in_jobs(connection, command.files, [&](std::vector<std::string> files) {
    PostCommand portion = command;
    portion.files = std::move(files);
    const bool several = command.files.size() > 1 || !command.options.files_from.empty();
    return post_job(connection, portion, several, progress);
  });
}

}  // namespace farhand
