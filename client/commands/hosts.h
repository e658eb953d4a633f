// hosts, forget: what is known of servers, shown and taken back. Nothing is connected.
#pragma once

#include <string>

#include "client/known_hosts.h"
#include "common/result.h"

namespace farhand {

// All that is known; none without a directory or file.
Result<KnownHosts> run_hosts();

// kNotFound for an alias that is not known.
Result<void> run_forget(const std::string& alias);

// A line for each host: alias, address, and the key or the CA; and one for each group: its hosts. Pure.
std::string hosts_text(const KnownHosts& known);

}  // namespace farhand
