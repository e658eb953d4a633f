// ls: lists what is on the host, as it comes.
#pragma once

#include "client/command_line.h"

namespace farhand {

// The exit status.
int run_ls(const LsCommand& command, const ClientOptions& options);

}  // namespace farhand
