// What happens in a new process between vfork (or fork) and exec, and nothing else.
//
// The child borrows its parent's memory until it executes a program, so it only makes system calls and writes to its
// own stack; everything that needs memory was prepared in an ExecPlan before.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace farhand {

// Whom a program runs as: these alone, without any other group.
struct SpawnUser {
  uid_t uid;
  gid_t gid;
};

// All descriptors are 3 or above, so that putting one in its place destroys no other.
struct ExecPlan {
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* const* candidates = nullptr;  // paths to try in this order; ends with a null pointer
  int streams[3] = {-1, -1, -1};            // become 0, 1, 2
  bool terminal = false;                    // the streams are a terminal, which is to control the session
  int working_directory = -1;               // 3 or above, or -1: keep
  const rlimit* descriptor_limit = nullptr;
  const SpawnUser* user = nullptr;  // become this one
  pid_t dies_with = 0;              // KILL, if this process, which starts it, ends first; 0: lives on
  int report = -1;                  // close-on-exec; takes one ExecFailure if the program could not be started
};

enum class ExecStage : int { kSession, kStreams, kWorkingDirectory, kDescriptorLimit, kInheritance, kUser, kProgram };

struct ExecFailure {
  ExecStage stage;
  int error;  // errno's value
};

// Starts a process that becomes the plan's program. Call with all signals blocked: a handler that ran in the child
// would run on the parent's memory. Returns when the program runs or has failed to; the pid, or -1 with errno set.
pid_t start_process(const ExecPlan& plan) noexcept;

}  // namespace farhand
