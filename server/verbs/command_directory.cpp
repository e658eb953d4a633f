// Opened by name beneath the root or, for whoever may run anything, wherever the name leads.
#include "server/verbs/command_directory.h"

#include <fcntl.h>

#include <cerrno>

#include "common/escape.h"
#include "server/verbs/command_environment.h"

namespace farhand {
namespace {

constexpr int kToEnter = O_PATH | O_DIRECTORY | O_CLOEXEC;

Error directory_failure(int error, const std::string& name) {
  if (error == ENOENT) {
    return Error{ErrorCode::kNotFound, "there is no directory " + quoted(name) + " on the host to start in", false};
  }
  if (error == ENOTDIR) {
    return Error{ErrorCode::kNotFound, quoted(name) + " is not a directory on the host to start in", false};
  }
  return errno_error(error, "the directory " + quoted(name) + " on the host cannot be entered");
}

bool is_restricted(const Rights& rights) {
  return !rights.command.empty() || !rights.argv.empty();
}

// The one place besides RootedDirectory that opens what a peer has named: nothing but a command of the same user ever
// works with it, which could go there itself.
Result<UniqueFd> open_anywhere(const std::string& name, const RootedDirectory& root) {
  UniqueFd found(::openat(root.fd(), name.c_str(), kToEnter));
  if (!found) return fail(directory_failure(errno, name));
  return found;
}

}  // namespace

Result<UniqueFd> open_command_directory(const std::string& name, const RootedDirectory& root, const Rights& rights) {
  TRY_ASSIGN(const UniqueFd found,
             is_restricted(rights) ? root.open_existing(name, kToEnter) : open_anywhere(name, root));
  // Looking "." up in it takes the right to enter it, which opening it so far did not.
  UniqueFd entered(::openat(found.get(), ".", kToEnter));
  if (!entered) return fail(directory_failure(errno, name));
  return entered;
}

UniqueFd open_home(const Rights& rights) {
  if (is_restricted(rights)) return {};
  const UniqueFd found(::open(account_home().c_str(), kToEnter));
  return UniqueFd(found ? ::openat(found.get(), ".", kToEnter) : -1);
}

}  // namespace farhand
