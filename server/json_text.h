// Texts as JSON writes them, for the audit and for --json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farhand {

// `text` is UTF-8; with the quotation marks around it.
std::string json_text(std::string_view text);
std::string json_list(const std::vector<std::string>& texts);

}  // namespace farhand
