// run_program: spawns a program, feeds it, and collects what it wrote and how it ended.
#pragma once

#include <string>
#include <string_view>

#include "common/spawn.h"

namespace farhand::test {

struct Run {
  std::string output;
  std::string errors;
  ExitStatus status;
};

// The usual request: a PATH to search, an empty environment.
SpawnRequest request_for(std::vector<std::string> argv);

// What can be read until the stream's end. Waits for at most a minute in all, then throws.
std::string read_to_end(const UniqueFd& stream);

// One line, without its newline, or what there is before the end.
std::string read_line(const UniqueFd& stream);

// Throws std::runtime_error with the message if the program cannot be started. `input` must fit a pipe.
Run run_program(const SpawnRequest& request, std::string_view input = {});

}  // namespace farhand::test
