// Texts in double quotes, as JSON and TOML both write them; for the audit, --json and the files that we write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farhand {

// `text`, which is UTF-8, with the quotation marks around it; quotation marks, backslashes and control bytes escaped.
std::string quoted_text(std::string_view text);
// The texts as a list in brackets.
std::string quoted_list(const std::vector<std::string>& texts);

// A table's or entry's name in TOML: bare where that is permitted, else quoted.
std::string toml_name(std::string_view name);

}  // namespace farhand
