// The reentrant calls, with a buffer that grows until the entry fits.
#include "common/account.h"

#include <fcntl.h>
#include <pwd.h>

#include <cerrno>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

constexpr std::size_t kFirstBufferBytes = 1 << 10;
constexpr std::size_t kLargestBufferBytes = 1 << 20;  // whoever has a longer entry is not looked up

// POSIX leaves open which of these mean that there is no such user (getpwnam(3)).
bool means_nobody(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

// Where one source cannot be opened for want of a descriptor, glibc asks the next and passes on its "nobody". So that
// is only believed while a descriptor is to be had.
std::optional<Account> nobody() {
  const UniqueFd probe(::open("/", O_PATH | O_CLOEXEC));
  if (!probe) throw_errno("open /");
  return std::nullopt;
}

enum class Denied : unsigned char { kThrows, kIsNobody };

// `call`: getpwnam_r or getpwuid_r but for their first argument. `denied`: what EACCES is.
template <class Call>
std::optional<Account> look_up(const char* call_name, Denied denied, Call call) {
  for (std::vector<char> buffer(kFirstBufferBytes);;) {
    passwd entry{};
    passwd* found = nullptr;
    const int error = call(&entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return Account{entry.pw_name, entry.pw_uid, entry.pw_dir};
    if (means_nobody(error)) return nobody();
    if (error == EACCES && denied == Denied::kIsNobody) return std::nullopt;
    if (error == ERANGE && buffer.size() < kLargestBufferBytes) {
      buffer.resize(buffer.size() * 4);
    } else if (error != EINTR) {
      throw_errno(call_name, error);
    }
  }
}

std::optional<Account> look_up_name(const std::string& name, Denied denied) {
  return look_up("getpwnam_r", denied, [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

std::optional<Account> look_up_user(uid_t user, Denied denied) {
  return look_up("getpwuid_r", denied, [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(user, entry, buffer, size, found);
  });
}

std::string name_or_number(const std::optional<Account>& account, uid_t user) {
  return account ? account->name : std::to_string(user);
}

}  // namespace

std::optional<Account> account_of(const std::string& name) {
  return look_up_name(name, Denied::kThrows);
}

std::optional<Account> account_of(uid_t user) {
  return look_up_user(user, Denied::kThrows);
}

std::string name_of_user(uid_t user) {
  return name_or_number(account_of(user), user);
}

std::optional<Account> owner_account_of(const std::string& name) {
  return look_up_name(name, Denied::kIsNobody);
}

std::string name_of_owner(uid_t user) {
  return name_or_number(look_up_user(user, Denied::kIsNobody), user);
}

}  // namespace farhand
