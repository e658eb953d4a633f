// FilesDisplay: all that is seen of a post or get: the progress line and events while it runs, what a dry run would do,
// and the report at its end.
//
// Threads: one.
#pragma once

#include <optional>
#include <string>

#include "client/command_line.h"
#include "client/dry_run_output.h"
#include "client/outcome.h"
#include "client/progress.h"
#include "client/progress_events.h"

namespace farhand {

class FilesDisplay {
 public:
  struct Manner {
    bool quiet = false;
    bool json = false;
    bool summary = false;  // the last line, and one for each file that was named
  };

  // To be made before anything is opened: see ProgressEvents.
  FilesDisplay(std::string verb, const TransferOptions& options, Manner manner);

  [[nodiscard]] Progress& progress() noexcept { return progress_; }

  // It has come to nothing, which is told elsewhere; whoever listens to events hears of it here.
  void refuse(const Error& error);

  // The report. `interrupt`: readable ends the waiting for a slow reader. The exit status.
  int conclude(const FilesOutcome& outcome, int interrupt);

 private:
  int write_object(const std::string& object, int status) const;

  std::string verb_;
  Manner manner_;
  bool wants_events_;
  ProgressEvents events_;
  std::optional<DryRunOutput> dry_run_;
  Progress progress_;
};

}  // namespace farhand
