// fan_out: one command on several hosts, so many at a time, each asked by a process of its own (host_process.h).
//
//     web: a line          each line as it comes, with its host's name before it; or, with --group,
//     db: a line
//
//     --- web ---          what a host's command wrote in one piece, when it has ended; or, with --json,
//     {"host":"web",...}   an object for each host, in a line, when it has ended
//
// Signals go to all of them, as SignalRelay has it for one.
//
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

// The exit status: 0 if all are 0; 255 if one could not be asked or did not answer; else the highest. Errors:
// kCancelled if the reader of standard output has gone, what else write(2) says; kInterrupted by a second INT.
Result<int> run_fan_out(const ExecCommand& command, const ClientOptions& options,
                        const std::vector<std::string>& hosts);

}  // namespace farhand
