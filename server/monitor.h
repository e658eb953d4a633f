// Monitor: what stands between a stranger and root: one for each connection, itself root, which sees nothing of the
// stranger but the gate's fixed report.
//
//   monitor (root) --forks--> gate (an ordinary user): TLS, the first slip
//                  <--------- GateReport: the key that was proven, or an invitation's secret
//     judges: keys.toml (also whom the session may be), the invitations, the server's word about the key's limits
//                  --forks--> worker: its user before it reads its first byte; the session, over the gate's plain bytes
//                  ---------> GateVerdict
//     waits for both; whichever ends, the other does, in time or by force
//
// A process that a signal has ended ends the monitor by the same signal, so that the server counts a crash.
//
// What is written down of a connection is what a session in a thread writes: here until a worker takes it over.
//
// Threads: one; it forks. Errors: std::system_error, which ends the connection.
#pragma once

#include "server/admission.h"
#include "server/process/control.h"
#include "server/process/privileges.h"
#include "server/service.h"
#include "server/socketserver/address.h"
#include "server/socketserver/base_server.h"

namespace farhand {

// How strangers come to a server of root's.
struct GuardedEntry {
  const KeyStore& keys;
  KeyRules rules;
  UserIdentity gate_user;
};

// In the connection's process. `control` is the channel to the server.
void run_monitor(Service& service, const GuardedEntry& entry, ControlOfParent& control, UniqueFd connection,
                 const socketserver::Address& client, socketserver::BaseServer& server);

}  // namespace farhand
