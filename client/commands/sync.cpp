// sync: post and get of contents, or of the one file that the source turns out to be.
#include "client/commands/sync.h"

#include <sys/stat.h>

#include "client/commands/job.h"
#include "common/escape.h"

namespace farhand {
namespace {

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

FilesOutcome refused(const SyncCommand& command) {
  FilesOutcome outcome;
  outcome.named = 1;
  outcome.files.push_back({command.source,
                           {},
                           0,
                           std::nullopt,
                           Error{ErrorCode::kUsage,
                                 farhand::quoted(command.source) +
                                     " is no directory, and --delete is about what a directory has; leave it out",
                                 false}});
  return outcome;
}

FilesOutcome sync_up(Connection& connection, const SyncCommand& command, Progress& progress) {
  PostCommand post{{command.source}, command.destination, command.options, is_directory(command.source)};
  if (!post.contents && command.options.job.delete_extra) return refused(command);
  return post_job(connection, post, false, progress);
}

bool says_no_directory(const FilesOutcome& outcome) {
  return outcome.files.size() == 1 && outcome.files.front().error && outcome.files.front().error->remote &&
         outcome.files.front().error->code == ErrorCode::kNotRegular;
}

FilesOutcome sync_down(Connection& connection, const SyncCommand& command, Progress& progress, mode_t mode_mask) {
  GetCommand get{{command.source}, command.destination, command.options, true};
  FilesOutcome outcome = get_job(connection, get, false, progress, mode_mask);
  if (!says_no_directory(outcome)) return outcome;
  if (command.options.job.delete_extra) return refused(command);
  get.contents = false;
  return get_job(connection, get, false, progress, mode_mask);
}

}  // namespace

FilesOutcome run_sync(Connection& connection, const SyncCommand& command, Progress& progress, mode_t mode_mask) {
  return command.up ? sync_up(connection, command, progress) : sync_down(connection, command, progress, mode_mask);
}

}  // namespace farhand
