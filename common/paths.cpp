// The XDG rules applied.
#include "common/paths.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
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

// Not ignored when it is relative, as XDG has it: whoever names a directory of keys means no other.
std::string config_directory_from_environment() {
  const char* value = std::getenv("FARHAND_CONFIG_DIR");
  if (value == nullptr || value[0] == '\0') return {};
  if (value[0] == '/') return value;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) throw_errno("getcwd");
  return std::string(here.data()) + "/" + value;
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

std::string client_config_directory() {
  const std::string named = config_directory_from_environment();
  if (!named.empty()) return named;
  const std::string base = absolute_from_environment("XDG_CONFIG_HOME");
  return (base.empty() ? home_directory() + "/.config" : base) + "/farhand";
}

std::string server_config_directory() {
  const std::string named = config_directory_from_environment();
  if (!named.empty()) return named;
  return ::geteuid() == 0 ? "/etc/farhand" : client_config_directory();
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
