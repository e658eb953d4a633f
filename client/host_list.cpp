// Groups looked up, and doubles left out.
#include "client/host_list.h"

#include <algorithm>
#include <optional>

#include "client/known_hosts.h"
#include "common/paths.h"

namespace farhand {

Result<std::vector<std::string>> hosts_to_ask(const std::vector<std::string>& given) {
  std::optional<KnownHosts> known;
  std::vector<std::string> hosts;
  const auto add = [&hosts](const std::string& host) {
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  };
  for (const std::string& name : given) {
    if (!name.starts_with('@')) {
      add(name);
      continue;
    }
    if (!known) {
      TRY_ASSIGN(known, KnownHosts::load(client_config_directory()));
    }
    TRY_ASSIGN(const auto members, known->find_group(name));
    for (const std::string& host : members) add(host);
  }
  return hosts;
}

}  // namespace farhand
