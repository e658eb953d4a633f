// The XDG rules applied.
#include "common/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <vector>

#include "common/account.h"
#include "common/escape.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

// An environment variable that holds an absolute path; XDG says that others are to be ignored.
std::string absolute_from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
}

std::string home_of_account() {
  const auto account = account_of(::getuid());
  return account ? account->home : "/";
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

// Empty where there is nothing to make.
std::string parent_of(const std::string& path) {
  const auto last = path.rfind('/');
  return last == std::string::npos ? std::string() : path.substr(0, last);
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (path.empty()) return {};
  int made = ::mkdir(path.c_str(), mode);
  if (made != 0 && errno == ENOENT) {
    TRY(make_directory(parent_of(path), mode));
    made = ::mkdir(path.c_str(), mode);
  }
  if (made == 0 && ::chmod(path.c_str(), mode) == 0) return {};  // the umask may have taken bits away
  if (made != 0 && errno == EEXIST) return {};
  return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be made"));
}

Result<void> open_to_others(const std::string& path) {
  constexpr mode_t kThrough = 0055;
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!directory || ::fstat(directory.get(), &status) != 0) {
    return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be used"));
  }
  if (status.st_uid != ::geteuid() || (status.st_mode & kThrough) == kThrough) return {};
  if (::fchmod(directory.get(), (status.st_mode & 07777) | kThrough) == 0) return {};
  return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be opened to others"));
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

std::string runtime_directory() {
  if (::geteuid() == 0) return "/run/farhand";
  const std::string runtime = absolute_from_environment("XDG_RUNTIME_DIR");
  return runtime.empty() ? state_directory() : runtime + "/farhand";
}

std::string default_socket_path() {
  return runtime_directory() + "/rserver.sock";
}

Result<void> make_socket_directory(const std::string& socket_path, SocketCallers callers) {
  const std::string directory = parent_of(socket_path);
  const mode_t mode = callers == SocketCallers::kOwner ? 0700 : 0755;
  TRY(make_directory(directory, mode));
  const bool opens = callers == SocketCallers::kOthers && directory == parent_of(default_socket_path());
  return opens ? open_to_others(directory) : Result<void>();
}

}  // namespace farhand
