// The XDG rules applied.
#include "common/paths.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "common/escape.h"

namespace farhand {
namespace {

// An environment variable that holds an absolute path; XDG says that others are to be ignored.
std::string absolute_from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
}

std::string home_of_account() {
  std::vector<char> memory(16 << 10);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) return "/";
  return found->pw_dir;
}

}  // namespace

std::string home_directory() {
  const std::string home = absolute_from_environment("HOME");
  return home.empty() ? home_of_account() : home;
}

std::string state_directory() {
  const std::string base = absolute_from_environment("XDG_STATE_HOME");
  return (base.empty() ? home_directory() + "/.local/state" : base) + "/farhand";
}

std::string default_socket_path() {
  if (::geteuid() == 0) return "/run/farhand/rserver.sock";
  const std::string runtime = absolute_from_environment("XDG_RUNTIME_DIR");
  return (runtime.empty() ? state_directory() : runtime + "/farhand") + "/rserver.sock";
}

Result<void> make_private_parent(const std::string& path) {
  const auto last = path.rfind('/');
  if (last == std::string::npos || last == 0) return {};
  const std::string parent = path.substr(0, last);
  if (::mkdir(parent.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return fail(errno_error(errno, "the directory " + quoted(parent) + " cannot be made"));
  TRY(make_private_parent(parent));
  if (::mkdir(parent.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(errno_error(errno, "the directory " + quoted(parent) + " cannot be made"));
}

}  // namespace farhand
