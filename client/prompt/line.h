// What a line at the prompt means. Text to value; nothing is run.
//
//   exec, shell, post, get       as on the command line; exec takes the rest of the line as it stands
//   post|FILE                    one file, whose name is the rest of the line
//   cd [DIR], cd -               where commands start and remote names count from
//   env [NAME=VALUE...], unset NAME...
//   lcd [DIR]                    where local names count from
//   !LINE, !                     a command here; a shell here
//   help     q, quit, exit     # a comment
//
// Anything else, and whatever begins with a blank, is a line for the host's shell. So is a cd, env or unset that a
// shell would read as more than that (cd a && make).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

struct NothingLine {};
struct HelpLine {};
struct LeaveLine {};
struct CommandLine {
  std::string text;
};
struct VerbLine {
  ClientCommandLine parsed;
};
struct DirectoryLine {  // cd
  std::string text;     // as it was written: the host's shell reads it; "-": the one before
};
struct VariablesLine {               // env
  std::vector<std::string> entries;  // NAME=VALUE; none: to be listed
};
struct UnsetLine {
  std::vector<std::string> names;
};
struct LocalDirectoryLine {  // lcd
  std::string directory;     // empty: home; "-": the one before
};
struct LocalCommandLine {  // !
  std::string text;        // empty: a shell
};
using PromptLine = std::variant<NothingLine, HelpLine, LeaveLine, CommandLine, VerbLine, DirectoryLine, VariablesLine,
                                UnsetLine, LocalDirectoryLine, LocalCommandLine>;

// The home directories that ~ stands for. The remote one is asked for only where it is needed.
struct Homes {
  std::string local;
  std::function<Result<std::string>()> remote;
};

// A usage error with a sentence for what is written wrong; another one if the remote home is needed and not to be had.
tl::expected<PromptLine, UsageError> parse_prompt_line(std::string_view line, const Homes& homes);

// Whether a line holds what is not to be kept in a file: it begins with a blank, or sets variables.
bool is_private(std::string_view line);

// The first words that the prompt itself knows, for completion and help.
const std::vector<std::string>& prompt_verbs();

}  // namespace farhand
