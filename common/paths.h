// Where Farhand keeps its files: sockets and state, by the XDG rules. No file is touched here but to make a directory.
#pragma once

#include <string>

#include "common/result.h"

namespace farhand {

// The socket of a user's own rserver: $XDG_RUNTIME_DIR/farhand/rserver.sock, without that directory
// ~/.local/state/farhand/rserver.sock (XDG_STATE_HOME is honoured); for root /run/farhand/rserver.sock.
std::string default_socket_path();

// ~/.local/state/farhand, or what XDG_STATE_HOME says.
std::string state_directory();

// Where keys, rights and known hosts are: $FARHAND_CONFIG_DIR, else ~/.config/farhand (XDG_CONFIG_HOME is honoured);
// the server's, for root, is /etc/farhand. Always absolute: a relative FARHAND_CONFIG_DIR counts from the current
// directory.
std::string server_config_directory();
std::string client_config_directory();

// Makes the directory in which `path` stands, with mode 0700, if it is not there. Parents are made as well.
Result<void> make_private_parent(const std::string& path);

// The user's home: $HOME, else the account's.
std::string home_directory();

}  // namespace farhand
