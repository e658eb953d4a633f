// A path filter's rules as people give them: the options --exclude and --include, and files of rules. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace farhand {

// The rule of an option's pattern, which is never a comment and whose spaces all count. A "!" before the pattern of an
// --exclude makes an --include of it, as git has it.
std::string exclude_rule(std::string_view pattern);
std::string include_rule(std::string_view pattern);

// The rules in the text of a file in .gitignore's syntax. A carriage return before a newline belongs to the line's end,
// and a byte order mark at the beginning does not count. kUsage, with the file and the line, for a line with a zero
// byte; kLimit for one that is too long.
Result<std::vector<std::string>> rules_in_text(std::string_view text, std::string_view file);

}  // namespace farhand
