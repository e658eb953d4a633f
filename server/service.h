// Service: what all sessions of one rserver share. Collaborators, handed down; nothing here is global.
//
// Threads: sessions read it from their threads; only `connections` changes.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "common/rooted_path.h"
#include "server/drain.h"

namespace farhand {

struct Service {
  RootedDirectory root;
  Drain drain;
  rlimit command_descriptors{};  // the limit that commands get: as the server found it
  mode_t mode_mask = 0755;       // which permission bits an uploaded file may have: 0777 less the umask and 022
  std::atomic<std::uint64_t> connections{0};
};

}  // namespace farhand
