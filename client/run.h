// run: one command line carried out, from connecting to the exit status.
#pragma once

#include "client/command_line.h"

namespace farhand {

int run_client(const ClientCommandLine& line);

// A command line that could not be read.
int refuse_usage(const UsageError& usage);

}  // namespace farhand
