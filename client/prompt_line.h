// What a line at the prompt means. Pure: text to value.
//
//   post FILE... [--to PATH]     get PATH... [--to PATH]     post|FILE     help     q, exit
//   anything else, and whatever begins with a blank: a command for the host's shell
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

struct NothingLine {};
struct HelpLine {};
struct LeaveLine {};
struct CommandLine {
  std::string text;
};
using PromptLine = std::variant<NothingLine, HelpLine, LeaveLine, CommandLine, PostCommand, GetCommand>;

// kUsage with a sentence for a verb that is written wrong.
Result<PromptLine> parse_prompt_line(std::string_view line);

// Words as a shell splits them: blanks separate; '...', "..." and a backslash quote (within "..." only \" and \\).
// kUsage for an open quote.
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace farhand
