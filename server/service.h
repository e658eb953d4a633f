// Service: what all sessions of one rserver share. Collaborators, handed down; nothing here is global.
//
// Threads: sessions use it from their threads; what changes is safe for that by itself.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "common/rooted_path.h"
#include "server/audit.h"
#include "server/drain.h"
#include "server/host_key.h"
#include "server/live_sessions.h"

namespace farhand {

class Doorkeeper;
class Enrolment;

struct Service {
  RootedDirectory root;  // of whoever has none of his own
  Audit& audit;
  Doorkeeper& door;
  Drain drain;
  rlimit command_descriptors{};  // the limit that commands get: as the server found it
  mode_t mode_mask = 0755;       // which permission bits an uploaded file may have: 0777 less the umask and 022
  std::atomic<std::uint64_t> connections{0};
  LiveSessions sessions{};
  bool in_child = false;           // this process serves one connection, and its parent the others
  Enrolment* enrolment = nullptr;  // who answers `pair`; none where there are no keys
  HostKey host_key{};              // of root's server, for its gates
};

}  // namespace farhand
