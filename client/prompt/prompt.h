// The prompt: one line after the other over one session; from a terminal, or as a script from whatever else standard
// input is. A script ends at its first failure, unless it is to keep going.
//
// Threads: one.
#pragma once

#include <sys/types.h>

#include <string>

#include "client/command_line.h"
#include "client/connector.h"

namespace farhand {

// Until q, exit, or the end of the input. The exit status: 0, or that of what ended the prompt; a script's: that of the
// first line that failed.
int run_prompt(const Connector& connector, const ClientOptions& options, const PromptCommand& command,
               mode_t mode_mask);

}  // namespace farhand
