// Landlock first, then the filter, which would forbid Landlock's own calls.
#include "server/process/sandbox.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "common/result.h"
#include "server/process/landlock.h"
#include "server/process/syscall_filter.h"
#include "server/process/syscall_lists.h"

namespace farhand {
namespace {

void filter(const std::vector<PermittedCall>& permitted) {
  if (!has_syscall_filters()) return;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("prctl PR_SET_NO_NEW_PRIVS");
  enforce_filter(filter_program(permitted, superseding_calls()));
}

}  // namespace

SandboxSupport sandbox_support() noexcept {
  return SandboxSupport{landlock_version(), has_syscall_filters()};
}

std::string sentence_of(const SandboxSupport& support) {
  const std::string who = "gates and transfer-only sessions are ";
  const std::string landlock = "Landlock " + std::to_string(support.landlock);
  if (support.complete()) return who + "confined by " + landlock + " and seccomp";
  if (support.seccomp)
    return who + "confined by seccomp alone: this kernel has no Landlock, so what they open is checked by rserver only";
  if (support.landlock > 0) return who + "confined by " + landlock + " alone: this kernel has no seccomp filters";
  return who + "not confined: this kernel has neither Landlock nor seccomp filters";
}

void enter_transfer_sandbox(int root, bool writes) {
  if (landlock_version() > 0) restrict_to_directory(root, writes);
  filter(transfer_calls(::getpid()));
}

void enter_gate_sandbox() {
  if (landlock_version() > 0) restrict_to_nothing();
  filter(gate_calls(::getpid()));
}

}  // namespace farhand
