// Becoming another user, by initgroups, setresgid and setresuid.
#include "server/process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <vector>

#include "common/escape.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

// getpwnam_r's and getpwuid_r's common half: they say ERANGE until the buffer is large enough.
using LookUp = std::function<int(passwd*, char*, std::size_t, passwd**)>;
constexpr std::size_t kFirstBuffer = 1024;
constexpr std::size_t kLargestBuffer = 1 << 20;  // whoever has an entry of a megabyte is not looked up

Result<UserIdentity> look_up(const LookUp& call, const std::string& what) {
  for (std::vector<char> buffer(kFirstBuffer);; buffer.resize(buffer.size() * 4)) {
    passwd entry{};
    passwd* found = nullptr;
    const int error = call(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < kLargestBuffer) continue;
    if (found != nullptr) {
      return UserIdentity{entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell};
    }
    // POSIX leaves open which of these mean that there is no such user (getpwnam(3)).
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM) {
      return fail(ErrorCode::kNotFound, "there is no user " + what + " on this host");
    }
    return fail(errno_error(error, "the user " + what + " cannot be looked up"));
  }
}

void require(bool holds, const char* step, int error = EPERM) {
  if (!holds) throw_errno(step, error);
}

// So that not even a file with capabilities could give them back. The kernel's last one is where it says EINVAL.
void empty_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno != EINVAL) throw_errno("prctl PR_CAPBSET_DROP");
    break;
  }
  // EINVAL: a kernel without ambient capabilities.
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
    throw_errno("prctl PR_CAP_AMBIENT");
}

void change_ids(const UserIdentity& user) {
  if (::initgroups(user.name.c_str(), user.group) != 0) throw_errno("initgroups");
  if (::setresgid(user.group, user.group, user.group) != 0) throw_errno("setresgid");
  // EAGAIN, as kernels before 3.1 say it over the user's limit of processes, leaves root in place: fatal like the rest.
  if (::setresuid(user.user, user.user, user.user) != 0) throw_errno("setresuid");
}

void require_ids(const UserIdentity& user) {
  std::array<uid_t, 3> users{};
  std::array<gid_t, 3> groups{};
  require(::getresuid(&users[0], &users[1], &users[2]) == 0, "getresuid");
  require(::getresgid(&groups[0], &groups[1], &groups[2]) == 0, "getresgid");
  for (const uid_t id : users) require(id == user.user, "getresuid");
  for (const gid_t id : groups) require(id == user.group, "getresgid");
}

void require_no_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) throw_errno("capget");
  for (const auto& set : sets) require((set.effective | set.permitted | set.inheritable) == 0, "capget");
}

void require_no_way_back() {
  require(::setuid(0) != 0, "setuid");
  require(::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) != 0, "setresuid");
  require(::setgroups(0, nullptr) != 0, "setgroups");
}

void clear_inheritable_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) throw_errno("capset");
}

void lead(int stream, const UniqueFd& where) {
  if (::dup2(where.get(), stream) < 0) throw_errno("dup2");
}

}  // namespace

Result<UserIdentity> look_up_user(const std::string& name) {
  if (name.find('\0') != std::string::npos) return fail(ErrorCode::kNotFound, "a user's name holds no zero byte");
  return look_up([&name](passwd* entry, char* buffer, std::size_t size,
                         passwd** found) { return ::getpwnam_r(name.c_str(), entry, buffer, size, found); },
                 quoted(name));
}

Result<UserIdentity> look_up_user(uid_t user) {
  return look_up([user](passwd* entry, char* buffer, std::size_t size,
                        passwd** found) { return ::getpwuid_r(user, entry, buffer, size, found); },
                 "with the number " + std::to_string(user));
}

void become_user(const UserIdentity& user) {
  if (::geteuid() == 0) {
    if (user.user != 0) empty_bounding_set();
    change_ids(user);
  }
  require_ids(user);
  if (user.user != 0) {
    clear_inheritable_capabilities();  // and the rest: an ordinary user may have been given some
    require_no_capabilities();
    require_no_way_back();
  }
  harden_process();
}

void leave_terminal(bool keeps_log) {
  if (::setsid() < 0) throw_errno("setsid");
  const UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere) throw_errno("open /dev/null");
  lead(STDIN_FILENO, nowhere);
  lead(STDOUT_FILENO, nowhere);
  if (!keeps_log) return lead(STDERR_FILENO, nowhere);
  if (::isatty(STDERR_FILENO) == 0) return;
  const UniqueFd writing(::open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  lead(STDERR_FILENO, writing ? writing : nowhere);
}

void harden_process() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("prctl PR_SET_NO_NEW_PRIVS");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw_errno("prctl PR_SET_DUMPABLE");
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) throw_errno("setrlimit RLIMIT_CORE");
}

}  // namespace farhand
