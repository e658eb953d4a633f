// Privileges: becoming another user, for good.
//
// Order matters: while still root, the groups; then the group; then the user, after which nothing can be taken back.
// Every step is checked, the outcome is looked at again, and an attempt to come back must fail: a process that goes on
// with half of its privileges is the worst outcome there is.
//
// Threads: become_user() is for a process with one thread, a forked child, before it does anything else.
// Errors:  look_up_user: kNotFound. become_user throws std::system_error with the step's name; what throws here must
//          end its process.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/result.h"

namespace farhand {

struct UserIdentity {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
  std::string home;
  std::string shell;
};

Result<UserIdentity> look_up_user(const std::string& name);
Result<UserIdentity> look_up_user(uid_t user);

// Takes the user's groups, group and id, gives up every capability, and hardens the process. Whoever is that user
// already keeps its groups and is only hardened; anybody else who is not root fails with EPERM.
void become_user(const UserIdentity& user);

// Who may not be root may not have root's terminal either: no controlling terminal, and standard streams that lead
// nowhere. `keeps_log`: standard error stays, but where it is a terminal it can only be written to. For a forked child,
// while it is root.
void leave_terminal(bool keeps_log);

// No set-id programs for this process and all that it starts (PR_SET_NO_NEW_PRIVS), no look into its memory by others
// of the same user and no core file, which would hold keys.
void harden_process();

}  // namespace farhand
