// Reports: outcomes as sentences on standard error, and as one JSON object.
//
// Format of the JSON: README.md, "For programs". Fields are only ever added.
#pragma once

#include <string>

#include "client/commands/pair.h"
#include "client/known_hosts.h"
#include "client/outcome.h"

namespace farhand {

// One line on standard error: "rclient: <sentence>". The sentence is ready for display.
void complain(const std::string& sentence);

// What is to be said of it; empty: nothing, as the status says all.
std::string exec_sentence(const ExecOutcome& outcome);
void report_exec(const ExecOutcome& outcome);
// What failed and why, with `notices` what was left out and the like, with `summary` the numbers: on a terminal a
// screenful at most, else all that is kept.
void report_files(const std::string& verb, const FilesOutcome& outcome, bool summary, bool notices);

// With the output (for --json) or without (for --status-fd); with the host, where several are asked. No newline at the
// end.
std::string exec_json(const ExecOutcome& outcome, bool with_output, const std::string& host = {});
std::string files_json(const FilesOutcome& outcome);
std::string error_json(const Error& error);  // a job that did not come to any files or hosts
std::string pair_json(const PairOutcome& outcome);
std::string hosts_json(const KnownHosts& known, int status);
std::string done_json();

}  // namespace farhand
