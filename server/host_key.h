// HostKey: the server's TLS key in the memory of root's server, which its sessions' processes inherit with everything
// else and are not to have: with it whoever takes one over would be the server.
//
//   server:  reads it while FreedIsOverwritten lives, and overwrites its text: from then on it is in the context alone
//   gate:    uses the context
//   others:  forget(), before they become anybody
//
// Threads: the process's only one.
#pragma once

#include <optional>
#include <string>

#include "common/stream/tls_context.h"

namespace farhand {

struct HostKey {
  std::optional<TlsContext> context;  // where root's server meets strangers; else there is none

  // Nothing of it is left in this process's memory.
  void forget() noexcept;
};

// What is freed meanwhile is overwritten, since reading a key leaves copies behind.
class FreedIsOverwritten {
 public:
  FreedIsOverwritten() noexcept;
  FreedIsOverwritten(const FreedIsOverwritten&) = delete;
  FreedIsOverwritten& operator=(const FreedIsOverwritten&) = delete;
  ~FreedIsOverwritten();
};

void overwrite(std::string& secret) noexcept;

}  // namespace farhand
