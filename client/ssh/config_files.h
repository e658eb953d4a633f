// Files of ssh's configuration read, with all that they include.
//
// Limits: a file has at most 1 MiB; Include goes 16 deep, as with ssh; 1024 files and 65536 lines that say something
// are the most in all, since files may include others many times over.
//
// Errors: kUsage, or the trouble with a file.
#pragma once

#include <string>

#include "client/ssh/config.h"
#include "common/result.h"

namespace farhand {

struct SshConfigFile {
  std::string path;
  bool may_be_missing = false;
  // Others may not write to it, and it is the user's or root's; as with ssh this is not asked of a file that the
  // command line names, which may be a pipe, too. What is included is asked in any case.
  bool is_judged = true;
};

// The user's own: ~/.ssh/config, where ~ is what all of rclient takes for it: $HOME, else the account's home. (ssh goes
// by the account alone for this file, and by $HOME for what it includes.)
SshConfigFile own_ssh_config();

Result<SshConfig> load_ssh_config(const SshConfigFile& file);

}  // namespace farhand
