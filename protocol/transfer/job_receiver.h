// The receiving side of a job: judges entries, and stores what comes.
//
// A file is written into a hidden part file beside its name, hashed as it comes, made durable together with others (one
// syncfs a batch, on a helper), renamed, and only then counted as stored. What there is of an interrupted transfer is
// found again by the next one and continued, if the sender's file begins with the very same bytes.
//
// A sender is not trusted: entries out of order (so: twice), names that lead elsewhere, a file below what is no
// directory, parts beyond what was announced, wrong hashes: refused, and nothing outside of the target is touched. No
// link below the target is ever followed.
//
// Ownership: borrows everything for the call. Threads: one; writing to the disk's end runs on a helper.
// Errors:    outer: the connection, or the peer broke the protocol. What has come of files under way is kept for the
//            next time then. An `error` frame of the peer's: an Error with `remote`.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/rooted_path.h"
#include "protocol/channel.h"
#include "protocol/transfer/job.h"

namespace farhand {

struct JobTarget {
  const RootedDirectory& root;
  std::string to;  // absolute or relative to the root; empty: the root
  Placement placement = Placement::kInto;
  mode_t mode_mask = 0755;  // which of the sender's permission bits are taken over
  // What was asked for: first components of paths, and nothing else may come. Empty: anything may.
  std::vector<std::string> names{};
  // A link in the place of `to` that leads out of the root is replaced: it is the user's own. Else it is refused.
  bool replaces_links = false;
  // With delete_extra: what is left alone, of what is here; may be empty.
  std::function<bool(const std::string& path, bool is_directory)> excludes{};
};

// Refusals before anything has been received (no such directory, one that may not be written) are the inner error:
// nothing has been said of it then, and discard_job() reads the peer's part to its end.
Result<Result<JobOutcome>> receive_job(Channel& channel, const JobTarget& target, const JobOptions& options,
                                       JobObserver& observer);

// Throws away the rest of a job that was refused, the peer's `finish` included.
Result<void> discard_job(Channel& channel);

}  // namespace farhand
