// Where Farhand keeps its files: sockets and state, by the XDG rules. No file is touched here but to make a directory.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace farhand {

// Where a user's sockets are: $XDG_RUNTIME_DIR/farhand, without that ~/.local/state/farhand (XDG_STATE_HOME is
// honoured); for root /run/farhand.
std::string runtime_directory();

// The socket of a user's own rserver: rserver.sock there.
std::string default_socket_path();

// ~/.local/state/farhand, or what XDG_STATE_HOME says.
std::string state_directory();

// Where keys, rights and known hosts are: $FARHAND_CONFIG_DIR, else ~/.config/farhand (XDG_CONFIG_HOME is honoured);
// the server's, for root, is /etc/farhand. Always absolute: a relative FARHAND_CONFIG_DIR counts from the current
// directory.
std::string server_config_directory();
std::string client_config_directory();

// The ends' own keys and certificates, there.
inline constexpr const char* kServerIdentityFile = "rserver.pem";
inline constexpr const char* kClientIdentityFile = "rclient.pem";

// Who goes through the directory of a socket: its owner alone (0700), or others as well (0755).
enum class SocketCallers : std::uint8_t { kOwner, kOthers };

// Makes the directory in which a socket is to stand, if it is not there; parents are made as well. One that is there is
// left as it is, except for the default socket's: that is ours, and is opened to others if it was made for its owner.
Result<void> make_socket_directory(const std::string& socket_path, SocketCallers callers);

// The user's home: $HOME, else the account's.
std::string home_directory();

}  // namespace farhand
