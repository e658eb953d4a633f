// FileMetadata over fchmod, futimens, fchown and the attributes.
#include "protocol/transfer/file_metadata.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <tuple>

#include "common/account.h"
#include "common/escape.h"
#include "protocol/transfer/file_attributes.h"

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
  if (const auto account = owner_account_of(name)) return account->user;
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

constexpr std::string_view kAccessList = "system.posix_acl_access";
constexpr mode_t kOwnersUse = 0600;
constexpr uid_t kNobodySaid = static_cast<uid_t>(-1);  // of an owner or group: it stays

// Whoever is not root may give files of theirs to groups of theirs.
bool may_give_to_group(const struct stat& status, gid_t group) {
  return ::geteuid() == 0 || (status.st_uid == ::geteuid() && (group == ::getegid() || ::group_member(group) != 0));
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

// 0, or errno. `leaf` empty: of what is open itself, with O_PATH or not.
int set_owner(int fd, const char* leaf, const OwnerIds& ids) {
  const auto set = [&](uid_t user) {
    if (*leaf == '\0' && ::fchown(fd, user, ids.group) == 0) return true;
    if (*leaf == '\0' && errno != EBADF) return false;
    return ::fchownat(fd, leaf, user, ids.group, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0;
  };
  if (set(ids.user)) return 0;
  const int error = errno;
  // Whoever may not give files away may still give them to a group of theirs.
  return error == EPERM && set(kNobodySaid) && ids.user == ::geteuid() ? 0 : error;
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

// The same, and tells of those that are not known here.
OwnerIds FileMetadata::known_owner_of(const Entry& entry, const std::string& shown) {
  const OwnerIds ids = owner_of(entry);
  if ((ids.user == kNobodySaid && !entry.user.empty()) || (ids.group == kNobodySaid && !entry.group.empty())) {
    notice("there is no such owner here", shown, ErrorCode::kNotFound);
  }
  return ids;
}

OwnerIds FileMetadata::owner_of(const Entry& entry) {
  if (!owner_) return {};
  return {remembered(users_, entry.user, user_number), remembered(groups_, entry.group, group_number)};
}

void FileMetadata::tell_owner(int error, const std::string& shown) {
  if (error != 0) notice("the owner could not be set: " + errno_text(error), shown, code_from_errno(error));
}

void FileMetadata::apply_owner(int fd, const Entry& entry, const std::string& shown) {
  tell_owner(set_owner(fd, "", owner_of(entry)), shown);
}

void FileMetadata::apply_attributes(int fd, const Entry& entry, const std::string& shown, bool access_lists) {
  remove_attributes(fd, entry, shown, access_lists);
  for (const ExtendedAttribute& attribute : entry.attributes) {
    if (attribute.name.empty() || is_access_list(attribute.name) != access_lists) continue;
    if (!is_settable(attribute.name)) {
      notice("attributes that are the system's own (not user.*, no access lists) are left out", shown,
             ErrorCode::kNoPermission);
    } else if (const int error = set_attribute(fd, attribute); error != 0) {
      notice("an extended attribute could not be set: " + errno_text(error), shown, code_from_errno(error));
    }
  }
}

// What it had, or inherits from its directory. Where nothing can be read nothing is removed.
void FileMetadata::remove_attributes(int fd, const Entry& entry, const std::string& shown, bool access_lists) {
  std::vector<ExtendedAttribute> there;
  if (!are_all_known(entry.attributes) || read_attributes(fd, there) != 0) return;
  for (const ExtendedAttribute& attribute : there) {
    const bool stays = std::any_of(entry.attributes.begin(), entry.attributes.end(),
                                   [&](const ExtendedAttribute& each) { return each.name == attribute.name; });
    if (stays || is_access_list(attribute.name) != access_lists) continue;
    if (const int error = remove_attribute(fd, attribute.name); error != 0) {
      notice("an extended attribute could not be removed: " + errno_text(error), shown, code_from_errno(error));
    }
  }
}

// The owner first, since changing it clears bits of the mode; user.* while the file may still be written; access lists
// last, since the mode is part of them.
Result<void> FileMetadata::apply(int fd, const Entry& entry, const std::string& shown) {
  struct stat status {};
  const bool is_known = owner_ && ::fstat(fd, &status) == 0;
  if (is_known && lacks_owner(status, entry, shown)) apply_owner(fd, entry, shown);
  if (attributes_) apply_attributes(fd, entry, shown, false);
  if (::fchmod(fd, mode_of(entry)) != 0) TRY(excuse(errno, "the mode", shown));
  if (attributes_) apply_attributes(fd, entry, shown, true);
  if (::futimens(fd, times_of(entry).data()) != 0) TRY(excuse(errno, "the time", shown));
  return {};
}

// One that nobody here may change is told of, and is no lack.
bool FileMetadata::lacks_owner(const struct stat& status, const Entry& entry, const std::string& shown) {
  if (!owner_) return false;
  const OwnerIds ids = known_owner_of(entry, shown);
  const bool has_user = ids.user == kNobodySaid || ids.user == status.st_uid;
  const bool has_group = ids.group == kNobodySaid || ids.group == status.st_gid;
  if (has_user && has_group) return false;
  if (::geteuid() == 0 || (!has_group && may_give_to_group(status, ids.group))) return true;
  tell_owner(EPERM, shown);
  return false;
}

bool FileMetadata::lacks_attributes(int fd, const Entry& entry, const std::string& shown) {
  std::vector<ExtendedAttribute> there;
  const int error = read_attributes(fd, there);
  if (error == 0) return !are_alike(there, entry.attributes);
  if (error != EPERM && error != ENOSYS) return true;  // the owner of a file that may not be read can still set them
  notice("extended attributes cannot be set here: " + errno_text(error), shown, code_from_errno(error));
  return false;
}

// All but attributes. An access list says itself what the mode is.
FileMetadata::Lack FileMetadata::lack(const struct stat& status, const Entry& entry, const std::string& shown) {
  const bool has_list =
      attributes_ && std::any_of(entry.attributes.begin(), entry.attributes.end(),
                                 [](const ExtendedAttribute& each) { return each.name == kAccessList; });
  const mode_t judged = has_list ? 07000 : 07777;
  Lack lack;
  lack.owner = lacks_owner(status, entry, shown);
  lack.mode = (status.st_mode & judged) != (mode_of(entry) & judged);
  lack.time = !has_time_of(status, entry);
  return lack;
}

bool FileMetadata::is_like(int directory, const std::string& leaf, const struct stat& status, const Entry& entry,
                           const std::string& shown) {
  if (lack(status, entry, shown).any()) return false;
  if (!attributes_) return true;
  const UniqueFd file = leaf.empty() ? UniqueFd() : open_as_it_is(directory, leaf);
  const int fd = leaf.empty() ? directory : file.get();
  return fd >= 0 && !lacks_attributes(fd, entry, shown);
}

bool FileMetadata::link_is_like(const struct stat& status, const Entry& entry, const std::string& shown) {
  return has_time_of(status, entry) && !lacks_owner(status, entry, shown);
}

void FileMetadata::mend_link(int directory, const std::string& leaf, const struct stat& status, const Entry& entry,
                             const std::string& shown) {
  if (lacks_owner(status, entry, shown)) tell_owner(set_owner(directory, leaf.c_str(), owner_of(entry)), shown);
  if (has_time_of(status, entry)) return;
  if (::utimensat(directory, leaf.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW) != 0) {
    std::ignore = excuse(errno, "the time", shown);
  }
}

UniqueFd open_as_it_is(int directory, const std::string& leaf) {
  UniqueFd file(::openat(directory, leaf.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) file.reset(::openat(directory, leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return file;
}

bool set_mode(int fd, mode_t mode) {
  return ::fchmod(fd, mode) == 0 || (errno == EBADF && ::chmod(proc_path(fd).c_str(), mode) == 0);
}

// In the order of apply().
Result<void> FileMetadata::mend(int fd, const struct stat& status, const Entry& entry, const std::string& shown) {
  Lack lacking = lack(status, entry, shown);
  lacking.attributes = attributes_ && lacks_attributes(fd, entry, shown);
  if (lacking.owner) apply_owner(fd, entry, shown);
  if (lacking.attributes) {
    // Attributes of a file that its owner may not write cannot be set by him either.
    if (status.st_uid == ::geteuid() && (status.st_mode & kOwnersUse) != kOwnersUse) {
      set_mode(fd, (status.st_mode & 0777) | kOwnersUse);
      lacking.mode = true;
    }
    apply_attributes(fd, entry, shown, false);
  }
  if ((lacking.mode || lacking.attributes) && !set_mode(fd, mode_of(entry))) TRY(excuse(errno, "the mode", shown));
  if (lacking.attributes) apply_attributes(fd, entry, shown, true);
  if (lacking.time && !set_times(fd, times_of(entry))) TRY(excuse(errno, "the time", shown));
  return {};
}

}  // namespace farhand
