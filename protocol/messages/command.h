// Messages of a command: exec and exit. (stdin, stdout and stderr are raw bytes.)
//
// Format: protocol/README.md, "exec" and "exit".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

enum class ExecMode : std::uint8_t {
  kArgv,   // exactly these words, no shell anywhere
  kShell,  // one word: a line for /bin/sh -c
};

struct ExecRequest {
  ExecMode mode = ExecMode::kArgv;
  std::vector<std::string> words;  // at least one; kShell: exactly one; none holds a zero byte
  // NAME=VALUE each; at most kMaxVariables in each list, none over kMaxVariableBytes, no zero byte.
  std::vector<std::string> environment{};  // asked for: what the server does not permit refuses the command
  std::vector<std::string> locale{};       // where the client lives: what the server does not permit is left out
};

std::string encode(const ExecRequest& message);
Result<ExecRequest> decode_exec(Bytes bytes);

// How a command ended. A command that could not be started is answered by `exit` too, so that whoever asked knows.
enum class ExitKind : std::uint8_t {
  kExited,      // value: the exit status, 0..255
  kSignalled,   // value: the signal's number, 1..127
  kNotStarted,  // value: 127 not found, 126 not executable, 0 for another reason; error says why
};

struct ExitReport {
  ExitKind kind = ExitKind::kExited;
  std::uint8_t value = 0;
  bool core = false;                      // kSignalled: a core was dumped
  ErrorCode code = ErrorCode::kInternal;  // kNotStarted only
  std::string error;                      // kNotStarted: one sentence; else empty
};

std::string encode(const ExitReport& message);
Result<ExitReport> decode_exit(Bytes bytes);

}  // namespace farhand
