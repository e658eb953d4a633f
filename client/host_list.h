// Several hosts, from what -H was given to the hosts that are asked.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace farhand {

// Each @NAME is replaced by its group's hosts, out of hosts.toml, which is read only for them; a host that is named
// twice is asked once. kUsage for a group that is not known or not used.
Result<std::vector<std::string>> hosts_to_ask(const std::vector<std::string>& given);

}  // namespace farhand
