// The guardian: a process between us and one command, which everything that the command starts belongs to, however
// hard it tries to leave (setsid, a double fork): whoever loses his parent becomes the guardian's child, by the
// kernel's word (PR_SET_CHILD_SUBREAPER). So it can signal all of them, and knows when the last one has gone.
//
//   us ---link--- guardian --- the command --- its children
//                    \------ those that the command's children have left behind
//
//   link (SOCK_SEQPACKET):  us -> guardian   GuardOrder
//                           guardian -> us   GuardReport: kStarted, then kEnded, then kAllGone, each once
//   the link's end:         we are gone, or want it so: an end as by kEnd
//
// kEnd is HUP (and CONT), TERM, KILL, with kGuardGrace after each, for everybody. A command with a terminal is rather
// hung up (kHangUp): the same for its own process group and the one in the foreground; whoever was taken away from the
// terminal on purpose (nohup, tmux) stays, as he does on any terminal. The guardian ends when nobody is left who is to
// go, or, if nobody listens any more, when KILL has not helped either. kRelease lets go of whoever is left: they become
// init's.
//
// A guardian whose end is an accident takes the command with it (PR_SET_PDEATHSIG). A command may kill its guardian,
// as it may kill every process of its user; then nobody holds what else it has started. It may stop it as well: then
// its end is seen with the next order.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/spawn_child.h"

namespace farhand {

inline constexpr std::chrono::milliseconds kGuardGrace{3000};

// Both structures are between processes of one program and one moment: they go as they stand in memory.
struct GuardOrder {
  enum class What : int {
    kSignalGroup,  // `signal` to the command's process group, while the command runs
    kSignalAll,    // `signal` to everybody
    kEnd,
    kHangUp,  // `signal` is the process group in the foreground
    kKill,    // KILL now; for everybody, if it is not a hang-up already
    kRelease,
  };
  What what{};
  int signal = 0;
};

struct GuardReport {
  enum class What : int {
    kStarted,
    kEnded,    // the command has
    kAllGone,  // and nobody is left
  };
  What what{};
  pid_t pid = 0;                 // kStarted: the command's; -1: there was no process to be had
  int error = 0;                 // with it: errno's value
  std::uint64_t own_memory = 0;  // kStarted: bytes that the guardian has had at most
  int code = 0;                  // kEnded: as waitid tells it, si_code
  int status = 0;                // si_status
  rusage usage{};                // its and its waited-for children's
};

// The guardian's whole life, in a process just made, with all signals blocked. It may share its memory with us, as
// vfork's children do: the plan is read until kStarted has been sent, and errno changes until then; afterwards it only
// makes system calls, and touches nothing but its own stack. Closes every descriptor but `link`, which is 3 or above.
[[noreturn]] void run_guardian(const ExecPlan& plan, int link) noexcept;

// Bytes of stack that it needs.
inline constexpr std::size_t kGuardianStack = 128 << 10;

}  // namespace farhand
