// How a process leaves its connection behind: a copy of it goes on in the background as the connection's keeper.
#pragma once

#include <functional>
#include <memory>

#include "client/connector.h"
#include "client/sharing/kept_connection.h"

namespace farhand {

// True: a keeper runs, and the connection is its own: `hand_over` has been called there, and nowhere else, and this
// process says nothing more on it. False: it runs elsewhere already, or could not be had.
// The keeper holds nothing of ours: no descriptor but the connection's, no terminal, no directory, no signal.
// Not done while there are threads: a copy would lack them.
bool leave_to_keeper(int connection_fd, const Connector& connector,
                     const std::function<std::unique_ptr<KeptConnection>()>& hand_over) noexcept;

}  // namespace farhand
