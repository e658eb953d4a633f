// exec: asks for a command and sees it through.
#pragma once

#include "client/command_line.h"
#include "client/commands/exec_pump.h"
#include "client/connection.h"
#include "client/outcome.h"

namespace farhand {

struct ExecRun {
  ExecOutcome outcome;
  bool wrote_anything = false;  // the command wrote to either stream
  HeardSignals signals;         // while it ran, if they were for it
};

// The client's locale goes along. If the request is for a terminal, ours goes with it (ExecStreams::terminal).
ExecRun run_exec(Connection& connection, ExecRequest request, const ExecStreams& streams);

}  // namespace farhand
