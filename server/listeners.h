// Listeners: one server of the socketserver library per listening address, all with the one handler.
//
// Ownership: owns the servers and their admissions. Closing waits for the sessions; ring the drain first.
// Threads:   the main thread.
// Errors:    kCannotConnect or a more fitting code, with a sentence that names the address.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "server/admission.h"
#include "server/config.h"
#include "server/keyring.h"
#include "server/monitor.h"
#include "server/service.h"
#include "server/session_processes.h"
#include "server/socketserver/base_server.h"

namespace farhand {

struct Listener {
  std::unique_ptr<Admission> admission;   // first: sessions of the server use it to the end
  std::unique_ptr<GuardedEntry> guarded;  // the same, of a server of root's on TCP
  std::unique_ptr<socketserver::BaseServer> server;
  Host host;  // with the real port
};

// Opens all of them, or none. `keyring` is needed for TLS, and outlives them. With `forks` each connection has a
// process and stands in that book, which outlives them too; without, a thread.
Result<std::vector<Listener>> open_listeners(const ServerConfig& config, Service& service, const Keyring* keyring,
                                             SessionProcesses* forks);

}  // namespace farhand
