// The words of an ssh command line, taken apart as ssh takes them apart: options, the host, options again, the command.
// What they mean is for settings.h. Pure.
//
//   ssh -p 22 -oBatchMode=yes HOST -l joe -- ls -l        HOST's own options end at --, or at the first other word
//       ----- before the host      ------  behind it  ---- the command
//
// Source: ssh.c of OpenSSH 9.2; options stand in bundles (-qtt) and carry their words with or without a blank (-p22).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace farhand {

struct SshOption {
  char letter = 0;
  std::string word;  // of those that take one

  bool operator==(const SshOption&) const = default;
};

struct SshArguments {
  std::vector<SshOption> options;  // in their order
  std::size_t before_host = 0;     // so many of them stand before the host
  std::optional<std::string> host;
  std::vector<std::string> command;
};

// `words` are argv's, without the program's own name. -V and -Q end it: what follows is not looked at.
// kUsage: an option that ssh does not know either, or one whose word is missing.
Result<SshArguments> parse_ssh_arguments(const std::vector<std::string>& words);

}  // namespace farhand
