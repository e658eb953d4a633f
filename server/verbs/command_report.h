// What is said of a command: to its client, in the log and in the audit. Pure.
#pragma once

#include <chrono>
#include <string>

#include "common/result.h"
#include "common/spawn.h"
#include "protocol/messages/command.h"
#include "server/audit.h"

namespace farhand {

ExitReport report_of(const ExitStatus& status, std::chrono::microseconds elapsed);

// It could not be started: 127 for a program that is not there, 126 for one that may not be run, as a shell has it.
ExitReport report_of_no_program(const Error& error);
// The same for what is no fault of the program's: 0.
ExitReport report_of_no_start(const Error& error);

// For the log: the request, escaped and not without end; and its end.
std::string shown_request(const ExecRequest& request);
std::string shown_end(const ExitReport& report);

// For the audit. Of variables their names alone: a value may be a secret.
void record_request(AuditLine& record, const ExecRequest& request);
void record_end(AuditLine& record, const ExitReport& report);

}  // namespace farhand
