// Outcomes of commands of the client: what is reported and what the exit status follows from.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/hash.h"
#include "common/result.h"
#include "protocol/messages/command.h"

namespace farhand {

// How an exec went. Exactly one of `exit` and `error` is there.
struct ExecOutcome {
  std::optional<ExitReport> exit;
  std::optional<Error> error;
  bool asked = false;    // the request may have reached the server, so the command may have been started
  bool begun = false;    // something of the command has been heard, so it was started
  std::string out_text;  // with --json: what the command wrote
  std::string err_text;
  bool out_cut = false;  // more came than is kept for --json
  bool err_cut = false;
};

// How one file's transfer went.
struct FileOutcome {
  std::string name;  // as the user gave it
  std::string path;  // where it is now: on the host (post) or here (get)
  std::uint64_t bytes = 0;
  std::optional<HashValue> hash;
  std::optional<Error> error;
};

// What a job told of one entry.
struct EntryTrouble {
  std::string path;
  Error error;
};

// How a job of many files went, apart from what `files` says.
struct JobSummary {
  std::uint64_t stored = 0;
  std::uint64_t unchanged = 0;   // there already
  std::uint64_t bytes = 0;       // of content that was sent
  std::uint64_t moved = 0;       // the same, as far as this side knows
  std::int64_t spared_wire = 0;  // what these took less on the wire, since they went packed
  std::uint64_t deleted = 0;
  std::uint64_t failed = 0;  // apart from what `files` says
  std::uint64_t noticed = 0;
  std::vector<EntryTrouble> failures;  // the first kMostFailuresKept of them
  std::vector<EntryTrouble> notices;   // what was left out and the like; as many
  std::chrono::duration<double> elapsed{};
};
inline constexpr std::size_t kMostFailuresKept = 10'000;

struct FilesOutcome {
  std::vector<FileOutcome> files;  // as they were named; of a job only those that are files or failed whole
  std::optional<JobSummary> job{};
  std::size_t named = 0;  // of a job: how many things the user has named
};

// Bytes of content as they went over the wire. (What the other side tells need not fit together.)
inline std::uint64_t wire_bytes_of(const JobSummary& job) {
  const std::int64_t bytes = static_cast<std::int64_t>(std::min<std::uint64_t>(job.bytes, INT64_MAX / 2));
  return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes - job.spared_wire, 0));
}

// How many things went wrong, all in all.
inline std::uint64_t failures_of(const FilesOutcome& outcome) {
  std::uint64_t failed = outcome.job ? outcome.job->failed : 0;
  for (const FileOutcome& file : outcome.files) failed += file.error ? 1 : 0;
  return failed;
}

}  // namespace farhand
