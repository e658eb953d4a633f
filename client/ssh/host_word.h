// The word that names an ssh command's host: HOST, USER@HOST, ssh://[USER@]HOST[:PORT]. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace farhand {

struct SshHostWord {
  std::string host;                 // without the brackets of an IPv6 address in a ssh:// address, else as it is
  std::optional<std::string> user;  // what is before the last @
  std::optional<std::string> port;  // as it was written
};

// kUsage: no host is in it, or something that would be taken for an option.
Result<SshHostWord> parse_ssh_host(std::string_view word);

}  // namespace farhand
