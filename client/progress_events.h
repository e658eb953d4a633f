// ProgressEvents: what becomes of a job of files, as lines of JSON on a descriptor of the user's (--progress-fd).
//
//   {"event":"progress","files":412,"files_known":1204,"bytes":42991616,"bytes_known":64277709,"all_known":true,"name":"site/a.png"}
//   {"event":"file", ...}   {"event":"failed", ...}   {"event":"notice", ...}
//   {"event":"end", ...}
//
// It never waits for its reader while the job runs: what a slow one does not take is kept up to 256 KiB and dropped
// beyond, which `end` counts; one that has gone, or was never there, changes nothing. For `end` it waits a second at
// most.
//
// Format: README.md, "For programs". Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/outcome.h"
#include "client/output_queue.h"
#include "client/progress.h"
#include "common/unique_fd.h"

namespace farhand {

class ProgressEvents {
 public:
  // `fd`: as the user gave it; negative: nobody listens. To be made before anything else is opened in its place: only a
  // descriptor that was handed down to us is written to.
  explicit ProgressEvents(int fd);

  // At most ten a second; the others count in the next.
  void progress(const Progress& progress);
  void file(const std::string& path, std::uint64_t bytes, const HashValue& hash);
  void trouble(const std::string& path, const Error& error, bool is_notice);
  // The last word: the numbers of the summary. False: nobody is there to hear it.
  bool end(const Progress& progress, const FilesOutcome& outcome, int status);

 private:
  void say_progress(const Progress& progress);
  void add(const std::string& line);
  void flush();

  UniqueFd fd_;
  std::unique_ptr<OutputQueue> queue_;  // null: nobody listens
  std::uint64_t dropped_ = 0;
  Deadline::Clock::time_point last_progress_{};
};

}  // namespace farhand
