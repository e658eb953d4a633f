// The options of exec, from what was written to what is asked for. Pure, but for --env NAME.
#pragma once

#include <string>
#include <vector>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

// As they were given; empty: not at all.
struct GivenExecOptions {
  std::vector<std::string> variables;
  std::vector<std::string> directory;  // each of these three at most once
  std::vector<std::string> timeout;
  std::vector<std::string> input;
  long window = 8;
};

// Puts them into the command. kUsage with a sentence for the first that is none.
Result<void> apply_exec_options(const GivenExecOptions& given, ExecCommand& command);

}  // namespace farhand
