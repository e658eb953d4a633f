// ClientConfiguration: what the user has settled once for all commands: client.toml in the client's directory.
//
// Format:
//
//   host = "web"       # where to without -H: an alias or an address as -H takes it
//   share = "10m"      # connections stay so long after their last use, for the next command; "no": they do not
//   ssh-config = "yes" # rclient ssh heeds ~/.ssh/config, or the file that is named by its absolute path; "no": none
//
// Anything else in it is refused, with file, line and column.
//
// Errors: kUsage; what PrivateDirectory says.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/result.h"

namespace farhand {

inline constexpr const char* kClientConfigurationFile = "client.toml";
inline constexpr std::chrono::hours kMostShared{24};  // a server is not to hold what nobody has used for a day

struct ClientConfiguration {
  std::string host;               // empty: the local socket
  std::chrono::seconds share{0};  // 0: connections are not shared
  bool ssh_config = false;        // a file of ssh's is read
  std::string ssh_config_file;    // which one; empty: the user's own

  static Result<ClientConfiguration> parse(std::string_view text, std::string_view file);
  // All as if nothing was settled, if there is no such file or directory.
  static Result<ClientConfiguration> load(const std::string& directory);
  // The same, and also if it cannot be read: for whoever names a host, and needs nothing else of it. kUsage.
  static Result<ClientConfiguration> load_if_readable(const std::string& directory);
};

}  // namespace farhand
