// verify: compares what is here with what is on the host, by content, and sends none of it.
#pragma once

#include "client/command_line.h"

namespace farhand {

// The exit status: 0 the same; 5 not; 1 if something could not be read, and all else is the same.
int run_verify(const VerifyCommand& command, const ClientOptions& options);

}  // namespace farhand
