// FileMetadata over fchmod, futimens, fchown and fsetxattr.
#include "protocol/transfer/file_metadata.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "common/account.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::size_t kGroupBufferBytes = 64 << 10;  // a group with some thousand members
constexpr std::size_t kMostNames = 4096;             // remembered of users or groups; a sender may make up more

std::optional<unsigned> number_of(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == static_cast<unsigned>(-1)) return {};
  return number;
}

uid_t user_number(const std::string& name) {
  if (const auto account = account_of(name)) return account->user;
  return number_of(name).value_or(static_cast<uid_t>(-1));
}

gid_t group_number(const std::string& name) {
  std::vector<char> buffer(kGroupBufferBytes);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return found->gr_gid;
  return number_of(name).value_or(static_cast<gid_t>(-1));
}

template <class Id>
Id remembered(std::map<std::string, Id>& known, const std::string& name, Id (*look_up)(const std::string&)) {
  if (name.empty()) return static_cast<Id>(-1);
  if (const auto at = known.find(name); at != known.end()) return at->second;
  const Id id = look_up(name);
  if (known.size() < kMostNames) known.emplace(name, id);
  return id;
}

bool is_access_list(const std::string& attribute) {
  return attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default";
}

// Also for descriptors that O_PATH has opened.
std::string proc_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

Error metadata_trouble(int error, std::string doing, const std::string& shown) {
  return errno_error(error, doing.append(" ").append(quoted(shown)).append(" failed"));
}

// The descriptor itself where it may be used for that (a confined process has no other way); else, of an O_PATH one, by
// its name in /proc.
bool set_times(int fd, const std::array<timespec, 2>& times) {
  return ::futimens(fd, times.data()) == 0 ||
         (errno == EBADF && ::utimensat(AT_FDCWD, proc_path(fd).c_str(), times.data(), 0) == 0);
}

}  // namespace

std::array<timespec, 2> times_of(const Entry& entry) {
  return {timespec{0, UTIME_OMIT}, timespec{entry.modified_seconds, static_cast<long>(entry.modified_nanoseconds)}};
}

bool has_time_of(const struct stat& status, const Entry& entry) {
  return status.st_mtim.tv_sec == entry.modified_seconds && status.st_mtim.tv_nsec == entry.modified_nanoseconds;
}

// A session that is confined, the owner being somebody else, a file system without them: the content is right all the
// same. Nor can every file system hold every time (EINVAL, EOVERFLOW), which has no word at all.
Result<void> FileMetadata::excuse(int error, const std::string& what, const std::string& shown) {
  if (error == EINVAL || error == EOVERFLOW) return {};
  if (error != EPERM && error != EOPNOTSUPP && error != ENOSYS) {
    return fail(metadata_trouble(error, "setting " + what + " of", shown));
  }
  notice(what + " could not be set: " + errno_text(error), shown, code_from_errno(error));
  return {};
}

void FileMetadata::notice(const std::string& reason, const std::string& shown, ErrorCode code) {
  if (!told_.insert(reason).second) return;
  notices_.push_back({shown, code, reason + "; told once", true});
}

OwnerIds FileMetadata::owner_of(const Entry& entry) {
  if (!owner_) return {};
  return {remembered(users_, entry.user, user_number), remembered(groups_, entry.group, group_number)};
}

void FileMetadata::apply_owner(int fd, const Entry& entry, const std::string& shown) {
  const OwnerIds ids = owner_of(entry);
  if ((ids.user == static_cast<uid_t>(-1) && !entry.user.empty()) ||
      (ids.group == static_cast<gid_t>(-1) && !entry.group.empty())) {
    notice("there is no such owner here", shown, ErrorCode::kNotFound);
  }
  if (ids.user == static_cast<uid_t>(-1) && ids.group == static_cast<gid_t>(-1)) return;
  if (::fchown(fd, ids.user, ids.group) == 0) return;
  const int error = errno;
  // Whoever may not give files away may still give them to a group of theirs.
  if (error == EPERM && ::fchown(fd, static_cast<uid_t>(-1), ids.group) == 0 && ids.user == ::geteuid()) return;
  notice("the owner could not be set: " + errno_text(error), shown, code_from_errno(error));
}

void FileMetadata::apply_attributes(int fd, const Entry& entry, const std::string& shown, bool access_lists) {
  for (const ExtendedAttribute& attribute : entry.attributes) {
    if (is_access_list(attribute.name) != access_lists) continue;
    if (!access_lists && !attribute.name.starts_with("user.")) {
      notice("attributes that are the system's own (not user.*, no access lists) are left out", shown,
             ErrorCode::kNoPermission);
    } else if (::fsetxattr(fd, attribute.name.c_str(), attribute.value.data(), attribute.value.size(), 0) != 0) {
      notice("an extended attribute could not be set: " + errno_text(errno), shown, code_from_errno(errno));
    }
  }
}

// The owner first, since changing it clears bits of the mode; user.* while the file may still be written; access lists
// last, since the mode is part of them.
Result<void> FileMetadata::apply(int fd, const Entry& entry, const std::string& shown) {
  if (owner_) apply_owner(fd, entry, shown);
  if (attributes_) apply_attributes(fd, entry, shown, false);
  if (::fchmod(fd, mode_of(entry)) != 0) TRY(excuse(errno, "the mode", shown));
  if (attributes_) apply_attributes(fd, entry, shown, true);
  if (::futimens(fd, times_of(entry).data()) != 0) TRY(excuse(errno, "the time", shown));
  return {};
}

bool FileMetadata::is_like(const struct stat& status, const Entry& entry) const {
  return (status.st_mode & 07777) == mode_of(entry) && has_time_of(status, entry);
}

UniqueFd open_as_it_is(int directory, const std::string& leaf) {
  UniqueFd file(::openat(directory, leaf.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) file.reset(::openat(directory, leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return file;
}

bool set_mode(int fd, mode_t mode) {
  return ::fchmod(fd, mode) == 0 || (errno == EBADF && ::chmod(proc_path(fd).c_str(), mode) == 0);
}

Result<void> FileMetadata::mend(int fd, const struct stat& status, const Entry& entry, const std::string& shown) {
  if ((status.st_mode & 07777) != mode_of(entry) && !set_mode(fd, mode_of(entry))) {
    TRY(excuse(errno, "the mode", shown));
  }
  if (!has_time_of(status, entry) && !set_times(fd, times_of(entry))) TRY(excuse(errno, "the time", shown));
  return {};
}

}  // namespace farhand
