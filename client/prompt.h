// The prompt: one line after the other on one connection, which is made anew when it was lost.
//
// Threads: one.
#pragma once

#include <sys/types.h>

#include <string>

#include "client/command_line.h"
#include "client/connector.h"

namespace farhand {

// Until q, exit, or the end of the input. The exit status: 0, or that of what ended the prompt.
int run_prompt(const Connector& connector, const ClientOptions& options, const PromptCommand& command,
               mode_t mode_mask);

}  // namespace farhand
