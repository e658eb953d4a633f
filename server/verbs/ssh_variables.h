// What programs look for that want to know who came by ssh: SSH_CLIENT, SSH_CONNECTION, SSH_TTY. Pure.
#pragma once

#include <string>
#include <vector>

namespace farhand {

// `client`: its address as the log has it, HOST:PORT or [V6]:PORT; anything else, a Unix socket's among them, is told
// as sshd tells what it does not know. `terminal`: the file of the command's terminal; empty: it has none.
std::vector<std::string> ssh_variables(const std::string& client, const std::string& terminal);

}  // namespace farhand
