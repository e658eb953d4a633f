// fstatat, readlinkat and the extended attributes, made into an Entry.
#include "protocol/transfer/entry_facts.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "common/account.h"
#include "protocol/limits.h"
#include "protocol/transfer/file_attributes.h"

namespace farhand {
namespace {

constexpr std::uint32_t kPermissionBits = 0777;  // set-id and sticky bits never travel
constexpr std::uint32_t kAllModeBits = 07777;
constexpr std::uint64_t kStatBlockBytes = 512;  // whatever the blocks of the file system
constexpr std::size_t kMaxOwnerBytes = 255;
constexpr std::size_t kFirstGroupBuffer = 4 << 10;
constexpr std::size_t kLargestGroupBuffer = 1 << 20;  // a group with more members than fit goes by its number

EntryKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return EntryKind::kFile;
  if (S_ISDIR(mode)) return EntryKind::kDirectory;
  if (S_ISLNK(mode)) return EntryKind::kLink;
  return EntryKind::kSpecial;
}

int read_target(EntryFacts::Place place, std::string& target) {
  std::array<char, kMaxFrameNameBytes + 1> buffer;
  const ssize_t got = ::readlinkat(place.directory, place.name, buffer.data(), buffer.size());
  if (got < 0) return errno;
  if (static_cast<std::size_t>(got) == buffer.size()) return ENAMETOOLONG;
  target.assign(buffer.data(), static_cast<std::size_t>(got));
  return 0;
}

std::string name_of_group(gid_t id) {
  for (std::vector<char> buffer(kFirstGroupBuffer); buffer.size() <= kLargestGroupBuffer;) {
    group entry{};
    group* found = nullptr;
    const int error = ::getgrgid_r(id, &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return entry.gr_name;
    if (error == ERANGE) buffer.resize(buffer.size() * 4);
    if (error != ERANGE && error != EINTR) break;
  }
  return std::to_string(id);
}

bool travels(std::string_view attribute) {
  return is_settable(attribute) || (attribute == "security.capability" && ::geteuid() == 0);
}

// The attribute calls know no directory descriptors; this name leads through one, and the last component is not
// followed.
std::string name_through_proc(EntryFacts::Place place) {
  std::string name = "/proc/self/fd/" + std::to_string(place.directory);
  if (*place.name != '\0') name.append("/").append(place.name);
  return name;
}

}  // namespace

int EntryFacts::read(Place place, Entry& entry, struct stat& status) {
  const int flags = AT_SYMLINK_NOFOLLOW | (*place.name == '\0' ? AT_EMPTY_PATH : 0);
  if (::fstatat(place.directory, place.name, &status, flags) != 0) return errno;
  entry.kind = kind_of(status.st_mode);
  entry.mode = status.st_mode & (options_.all_modes ? kAllModeBits : kPermissionBits);
  entry.modified_seconds = status.st_mtim.tv_sec;
  entry.modified_nanoseconds = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  if (entry.kind == EntryKind::kFile) {
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.occupied = std::min(entry.size, static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes);
  }
  if (options_.owner) {
    entry.user = user_name(status.st_uid);
    entry.group = group_name(status.st_gid);
  }
  return entry.kind == EntryKind::kLink ? read_target(place, entry.target) : 0;
}

int EntryFacts::read_attributes(Place place, Entry& entry) const {
  const bool has_any = entry.kind == EntryKind::kFile || entry.kind == EntryKind::kDirectory;
  if (!options_.attributes || !has_any) return 0;
  const std::string file = name_through_proc(place);
  const bool itself = *place.name == '\0';  // then the name ends with the link of /proc, which is to be followed
  const int error = farhand::read_attributes(file, itself, travels, entry.attributes);
  if (error != 0) entry.attributes.push_back(further_attributes());
  return error;
}

const std::string& EntryFacts::user_name(uid_t user) {
  const auto [found, is_new] = users_.try_emplace(user);
  if (is_new) found->second = name_of_owner(user);
  if (found->second.size() > kMaxOwnerBytes) found->second = std::to_string(user);
  return found->second;
}

const std::string& EntryFacts::group_name(gid_t group) {
  const auto [found, is_new] = groups_.try_emplace(group);
  if (is_new) found->second = name_of_group(group);
  if (found->second.size() > kMaxOwnerBytes) found->second = std::to_string(group);
  return found->second;
}

}  // namespace farhand
