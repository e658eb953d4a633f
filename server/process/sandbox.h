// Sandboxes: what a process shuts itself into once it knows what it is for.
//
//   transfer   a session whose key may move files and run nothing: only files below its root (Landlock), and only the
//              system calls that moving files takes (seccomp)
//   gate       whoever parses what strangers send, before login: no files at all, only its connection
//
// Threads: for a process with one thread: threads inside one address space are no boundary. Threads that a session
//          starts afterwards are inside.
// Errors:  std::system_error; whoever fails to enter must end its process. A kernel that lacks one of the two is no
//          error; sandbox_support() tells, and the server says so when it starts.
#pragma once

#include <string>

namespace farhand {

struct SandboxSupport {
  int landlock = 0;      // its version; 0: none
  bool seccomp = false;  // whether system calls can be filtered
  [[nodiscard]] bool complete() const noexcept { return landlock > 0 && seccomp; }
};

SandboxSupport sandbox_support() noexcept;

// One line for the log at the start, such as "gates and transfer-only sessions are confined by Landlock 7 and seccomp".
std::string sentence_of(const SandboxSupport& support);

// `root`: a descriptor of the directory that is served.
void enter_transfer_sandbox(int root, bool writes);

void enter_gate_sandbox();

}  // namespace farhand
