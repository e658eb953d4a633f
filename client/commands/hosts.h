// hosts, forget: what is known of servers, shown and taken back. Nothing is connected to them.
#pragma once

#include <string>

#include "client/known_hosts.h"
#include "common/result.h"

namespace farhand {

// All that is known; none without a directory or file.
Result<KnownHosts> run_hosts();

// With the connections that stay, unless another alias stands for the same server. kNotFound for an alias that is not
// known; what else is told: the host is forgotten, but a process that keeps connections to it could not be ended.
Result<void> run_forget(const std::string& alias);

// A line for each host: alias, address, and the key or the CA; and one for each group: its hosts. Pure.
std::string hosts_text(const KnownHosts& known);

}  // namespace farhand
