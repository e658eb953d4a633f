// Gate: the process that talks to a stranger before login, and relays the bytes of whoever has come in: an ordinary
// user's, with no files, no new sockets and no programs. It holds the server's TLS key, and nothing else of value.
//
//   client ==TLS== gate --GateReport--> monitor
//                       <-GateVerdict--
//                       ==plain bytes== worker
//
// Its standard streams lead nowhere: what it has to tell stands in its report.
//
// Threads: one. Errors: what the machine fails before it is confined ends the process with kGateFailed, later it is
//          reported.
#pragma once

#include <sys/types.h>

#include <vector>

#include "common/deadline.h"
#include "common/stream/tls_context.h"
#include "common/unique_fd.h"
#include "server/process/privileges.h"

namespace farhand {

inline constexpr int kGateFailed = 70;  // EX_SOFTWARE

struct GateEnds {
  UniqueFd connection;
  UniqueFd link;    // to the monitor
  UniqueFd worker;  // to the worker
  int stop = -1;    // readable: the server stops; borrowed
};

// To be called in a process of its own, right after the fork. Never returns.
[[noreturn]] void run_gate(GateEnds ends, const UserIdentity& user, const TlsContext& context, Deadline login) noexcept;

// In a forked child: closes every descriptor from 3 on but these. Throws std::system_error.
void close_all_but(std::vector<int> kept);

// Dies with `parent`, however that ends. After become_user(), which takes it back.
void die_with(pid_t parent) noexcept;

}  // namespace farhand
