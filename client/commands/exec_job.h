// exec of the command line, on one host: its input is opened, a connection made, the command seen through.
#pragma once

#include "client/command_line.h"
#include "client/outcome.h"

namespace farhand {

// `input` is what the command reads unless --stdin says otherwise; -1: nothing. Output goes to descriptors 1 and 2.
// Signals are for the command while it runs. Never fails: what goes wrong is the outcome's error.
ExecOutcome run_exec_job(const ExecCommand& command, const ClientOptions& options, int input);

}  // namespace farhand
