// The prompt itself: web1:~/src [3]> . Pure.
#pragma once

#include <string>

#include "client/outcome.h"

namespace farhand {

// How the last line went: a status, and what the prompt shows of it.
struct LineEnd {
  int status = 0;
  std::string mark;  // "3", "SIGKILL", "timed out"; empty: 0
};

LineEnd line_end(int status);
LineEnd line_end(const ExecOutcome& outcome);

// `host` as the user calls it; `directory` and `home` of the host, empty where they are not known. Fit for a terminal.
std::string prompt_text(const std::string& host, const std::string& directory, const std::string& home,
                        const LineEnd& last);

}  // namespace farhand
