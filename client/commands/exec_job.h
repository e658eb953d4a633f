// exec of the command line, on one host: its input is opened, a connection made, the command seen through.
#pragma once

#include "client/command_line.h"
#include "client/commands/exec.h"
#include "client/connection.h"
#include "client/outcome.h"
#include "common/unique_fd.h"

namespace farhand {

// `input` is what the command reads unless --stdin says otherwise; -1, or not open for reading: nothing. Output goes to
// descriptors 1 and 2. Signals are for the command while it runs. Never fails: what goes wrong is the outcome's error.
ExecOutcome run_exec_job(const ExecCommand& command, const ClientOptions& options, int input);

// Its parts, for whoever has a connection. First the input: a descriptor, or -1 for none; `file` owns it if it is of
// --stdin. An Error: it cannot be had, or the command needs a terminal that is not there.
struct JobInput {
  UniqueFd file;
  int fd = -1;
};
Result<JobInput> open_job_input(const ExecCommand& command, int input);
ExecRun run_exec_over(Connection& connection, const ExecCommand& command, const JobInput& input, bool keep);

// Writes the outcome where --status-fd says.
void write_status_record(const ExecCommand& command, const ExecOutcome& outcome);

// The reader of standard output has gone: as every program does then, silently, by SIGPIPE.
bool reader_has_gone(const std::optional<Error>& error);
[[noreturn]] void die_of_broken_pipe();

}  // namespace farhand
