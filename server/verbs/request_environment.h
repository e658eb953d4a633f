// Which variables a request may bring for its command, under the rights of a key. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "protocol/messages/command.h"
#include "server/keys/rights.h"

namespace farhand {

// NAME=VALUE each, no name twice: the last of a list counts, and what was asked for goes before the client's locale.
//   every key:        LANG, LC_* (by name), TZ, TERM and GIT_PROTOCOL, with values that name no file elsewhere
//   Rights::env:      these names too, with any value
//   Rights::any_env:  every name that is letters, digits and underscores, with any value
// kRefused, with a sentence that names the variable, if one that was asked for is not among these. One of the locale is
// left out silently: whoever sent it did not know that it was sent.
Result<std::vector<std::string>> permitted_variables(const ExecRequest& request, const Rights& rights);

}  // namespace farhand
