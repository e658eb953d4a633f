// What is seen of a post or get.
#include "client/commands/files_display.h"

#include <unistd.h>

#include <cerrno>

#include "client/exit_status.h"
#include "client/report.h"
#include "common/file_io.h"

namespace farhand {

FilesDisplay::FilesDisplay(std::string verb, const TransferOptions& options, Manner manner)
    : verb_(std::move(verb)),
      manner_(manner),
      wants_events_(options.progress_fd >= 0),
      events_(options.progress_fd),
      dry_run_(options.job.dry_run ? std::optional<DryRunOutput>(std::in_place, manner.json) : std::nullopt),
      progress_(verb_, 0, Progress::wanted(manner.quiet, manner.json),
                {wants_events_ ? &events_ : nullptr, dry_run_ ? &*dry_run_ : nullptr}) {}

void FilesDisplay::refuse(const Error& error) {
  FilesOutcome outcome;
  outcome.files.push_back({"", {}, 0, std::nullopt, error});
  events_.end(progress_, outcome, status_of(error));
}

int FilesDisplay::conclude(const FilesOutcome& outcome, int interrupt) {
  progress_.clear();
  const int status = status_of(outcome);
  if (wants_events_ && !events_.end(progress_, outcome, status) && !manner_.quiet) {
    complain("not everything could be written to the descriptor of --progress-fd");
  }
  report_files(verb_, outcome, manner_.summary, !manner_.quiet);
  if (dry_run_) return dry_run_->conclude(manner_.json ? files_json(outcome) : "", status, interrupt);
  return manner_.json ? write_object(files_json(outcome), status) : status;
}

int FilesDisplay::write_object(const std::string& object, int status) const {
  if (write_all(STDOUT_FILENO, bytes_of(object + "\n"))) return status;
  const Error error = errno_error(errno, "writing to standard output failed");
  complain(error.message);
  return status_of(error);
}

}  // namespace farhand
