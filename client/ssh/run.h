// rclient ssh: an ssh command line, carried out.
#pragma once

#include <string>
#include <vector>

namespace farhand {

// Whether a program of this name (argv[0]) takes ssh's words from the first one on: ssh, rclient-ssh, with any
// directory.
bool is_ssh_name(const std::string& program) noexcept;

// `words` are ssh's, without the program's own. The remote status; 128+n for signal n; 255 for every failure of ours.
int run_ssh(const std::vector<std::string>& words);

}  // namespace farhand
