// One pass over a directory.
#include "protocol/transfer/stale_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <memory>
#include <string_view>
#include <tuple>

#include "common/unique_fd.h"
#include "protocol/transfer/part_file.h"

namespace farhand {
namespace {

// A link has no content that anybody could continue, and is there for less than a moment.
bool is_old_part(const struct stat& status, std::time_t moment) {
  const bool is_a_part = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
  return is_a_part && status.st_uid == ::geteuid() && status.st_ctim.tv_sec < moment;
}

void remove_if_stale(int directory, const char* name, std::time_t moment) {
  struct stat listed {
  }, locked{};
  if (::fstatat(directory, name, &listed, AT_SYMLINK_NOFOLLOW) != 0 || !is_old_part(listed, moment)) return;
  if (S_ISLNK(listed.st_mode)) {
    ::unlinkat(directory, name, 0);
    return;
  }
  const UniqueFd part(::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!part || ::flock(part.get(), LOCK_EX | LOCK_NB) != 0) return;
  if (::fstat(part.get(), &locked) != 0 || !is_old_part(locked, moment)) return;
  if (locked.st_ino == listed.st_ino && locked.st_dev == listed.st_dev) ::unlinkat(directory, name, 0);
}

}  // namespace

void sweep_stale_parts(int directory, std::time_t moment) {
  UniqueFd listing(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listing) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::fdopendir(listing.get()), &::closedir);
  if (!open) return;
  std::ignore = listing.release();
  while (const dirent* entry = ::readdir(open.get())) {
    if (std::string_view(entry->d_name).starts_with(kPartPrefix)) remove_if_stale(directory, entry->d_name, moment);
  }
}

}  // namespace farhand
