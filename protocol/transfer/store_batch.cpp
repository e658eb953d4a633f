// StoreBatch over fsync, syncfs and renameat.
#include "protocol/transfer/store_batch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/escape.h"
#include "common/path_text.h"

namespace farhand {
namespace {

constexpr std::string_view kKept = "; what was there before is unchanged";

Error trouble(int error_number, std::string_view doing, const std::string& shown) {
  return Error{code_from_errno(error_number),
               std::string(doing) + " " + quoted(shown) + " failed: " + errno_text(error_number) + std::string(kKept),
               false};
}

Error unconfirmed(const Error& reason, const std::string& shown) {
  return Error{ErrorCode::kFileTrouble,
               quoted(shown) + " was stored, but the disk did not confirm it (" + reason.message + "); send it again",
               false};
}

// Whether something is there that a file may replace: a file or a link. A directory or special file is refused.
Result<bool> is_replaceable(int directory, const std::string& leaf, const std::string& shown) {
  struct stat status {};
  if (::fstatat(directory, leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail(trouble(errno, "looking at", shown));
  }
  if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) return true;
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kIsDirectory, quoted(shown) + " is a directory, so no file can take its name");
  }
  return fail(ErrorCode::kNotRegular, quoted(shown) + " is not a regular file, so it is not replaced");
}

// The old file gets its second name before it loses the first, so that no moment is without it.
// An older backup goes; anything but a file or a link in its place is no backup, and stays.
Result<void> keep_backup(int directory, const std::string& leaf, const std::string& backup, const std::string& shown) {
  struct stat status {};
  if (::fstatat(directory, backup.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(status.st_mode) &&
      !S_ISLNK(status.st_mode)) {
    return fail(ErrorCode::kNotRegular, "no backup of " + quoted(shown) + " can be kept, since " + quoted(backup) +
                                            " is in the way" + std::string(kKept));
  }
  const std::string temporary = random_part_name();
  if (::linkat(directory, leaf.c_str(), directory, temporary.c_str(), 0) == 0) {
    const bool named = ::renameat(directory, temporary.c_str(), directory, backup.c_str()) == 0;
    const int error = errno;
    ::unlinkat(directory, temporary.c_str(), 0);  // also left by a rename between two names of one file
    if (named) return {};
    return fail(trouble(error, "keeping a backup of", shown));
  }
  if (errno == ENOENT) return {};
  // A file system without hard links.
  if (::renameat(directory, leaf.c_str(), directory, backup.c_str()) == 0) return {};
  return fail(trouble(errno, "keeping a backup of", shown));
}

}  // namespace

StoreBatch::StoreBatch(std::vector<StoreItem> items, const RootedDirectory& base, StoreRules rules, SyncPoints points,
                       std::set<std::string> failed)
    : items_(std::move(items)),
      base_(base),
      rules_(std::move(rules)),
      points_(std::move(points)),
      directories_(base),
      failed_(std::move(failed)) {
  for (const StoreItem& item : items_) {
    bytes_ += item.bytes;
    results_.push_back({item.number, item.kind, item.path, item.shown, item.entry_path, item.bytes, item.hash, 0, false,
                        std::nullopt});
  }
  small_ = is_small();
}

bool StoreBatch::is_small() const {
  return items_.size() <= kFewFiles && std::all_of(items_.begin(), items_.end(), [](const StoreItem& item) {
           return item.kind != EntryKind::kFile || item.part.fd;
         });
}

void StoreBatch::run() {
  sync_content();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    name(i);
    const bool stayed = results_[i].stayed && items_[i].kind != EntryKind::kHardLink;
    if (results_[i].error || stayed) failed_.insert(items_[i].path);
  }
  sync_names();
}

void StoreBatch::discard() {
  for (StoreItem& item : items_) {
    item.part.writeback.reset();
    remove_part(item);
  }
}

// Where it was made, if that is known still; a directory may have another name by now.
void StoreBatch::remove_part(const StoreItem& item) {
  if (item.part.name.empty()) return;
  if (item.part.directory) {
    ::unlinkat(item.part.directory->get(), item.part.name.c_str(), 0);
  } else if (const auto directory = directories_.open(parent_of(item.path))) {
    ::unlinkat((*directory)->get(), item.part.name.c_str(), 0);
  }
}

// 0, or errno. `fallback`: a descriptor on that file system, or -1.
int StoreBatch::sync_device(dev_t device, int fallback) const {
  const auto point = points_.find(device);
  const int fd = point != points_.end() ? point->second->get() : fallback;
  if (fd >= 0 && ::syncfs(fd) == 0) return 0;
  if (fd >= 0 && errno != EBADF) return errno;
  // Nothing there may be opened for reading. This waits all the same, though it never tells of a failure; the call
  // itself tells at least if it is not permitted.
  return ::syscall(SYS_sync) == 0 ? 0 : errno;
}

void StoreBatch::sync_content() {
  std::map<dev_t, int> synced;  // errno of each
  for (std::size_t i = 0; i < items_.size(); ++i) {
    StoreItem& item = items_[i];
    item.part.writeback.reset();  // waits for it
    if (item.kind != EntryKind::kFile) continue;
    int error = 0;
    if (small_) {
      error = ::fsync(item.part.fd.get()) == 0 ? 0 : errno;
    } else if (const auto [at, is_new] = synced.try_emplace(item.device, 0); is_new) {
      error = at->second = sync_device(item.device, item.part.fd.get());
    } else {
      error = at->second;
    }
    if (error != 0) results_[i].error = trouble(error, "making durable", item.shown);
  }
}

void StoreBatch::name(std::size_t at) {
  StoreItem& item = items_[at];
  const auto directory = directories_.open(parent_of(item.path));
  if (!directory) {
    if (!results_[at].error) results_[at].error = directory.error();
    return remove_part(item);
  }
  if (!results_[at].error && item.kind != EntryKind::kDirectory) {
    const auto named = name_item(item, (*directory)->get(), leaf_of(item.path));
    if (!named) results_[at].error = named.error();
    if (named) results_[at].stayed = !*named;
  }
  // Gone if it was renamed; there if that failed, or did nothing since both were names of one file.
  if (results_[at].error || results_[at].stayed || item.kind == EntryKind::kHardLink) remove_part(item);
  item.part.fd.reset();
  item.part.directory.reset();
}

// Whether it has the name now; else what was there stays.
Result<bool> StoreBatch::name_item(StoreItem& item, int directory, const std::string& leaf) {
  if (item.kind == EntryKind::kLink) TRY(make_link(item, directory));
  if (item.kind == EntryKind::kHardLink) {
    TRY_ASSIGN(const bool made, make_hard_link(item, directory, leaf));
    if (!made) return false;
  }
  if (item.kind == EntryKind::kFile) {
    struct stat status {};
    const int looked = ::fstatat(directory, item.part.name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    if (looked != 0 && errno != ENOENT) return fail(trouble(errno, "looking at the new content of", item.shown));
    if (looked != 0 || status.st_dev != item.device || status.st_ino != item.inode) {
      item.part.name.clear();  // whatever it is, it is not ours
      return fail(ErrorCode::kFileTrouble,
                  "somebody took the new content of " + quoted(item.shown) + " away" + std::string(kKept));
    }
  }
  return rename_item(item, directory, leaf);
}

Result<void> StoreBatch::make_link(StoreItem& item, int directory) {
  item.part.name = random_part_name();
  const char* name = item.part.name.c_str();
  if (::symlinkat(item.link_target.c_str(), directory, name) != 0) {
    item.part.name.clear();
    return fail(trouble(errno, "making the link", item.shown));
  }
  // What a link's owner and time are matters to nobody who only follows it: no failure if they cannot be set.
  const OwnerIds& owner = item.owner;
  if (owner.user != static_cast<uid_t>(-1) || owner.group != static_cast<gid_t>(-1)) {
    std::ignore = ::fchownat(directory, name, owner.user, owner.group, AT_SYMLINK_NOFOLLOW);
  }
  if (::utimensat(directory, name, item.times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    results_[static_cast<std::size_t>(&item - items_.data())].time_error = errno;
  }
  return {};
}

// False: that name is one of the same file already.
Result<bool> StoreBatch::make_hard_link(StoreItem& item, int directory, const std::string& leaf) {
  if (failed_.count(item.link_target) != 0 || failed_.count(kTooManyFailed) != 0) {
    return fail(ErrorCode::kFileTrouble,
                quoted(item.shown) + " is a name of a file that was not stored" + std::string(kKept));
  }
  TRY_ASSIGN(const SharedDirectory from, DirectoryCache(base_).open(parent_of(item.link_target)));
  const std::string from_leaf = leaf_of(item.link_target);
  struct stat source {
  }, there{};
  if (::fstatat(from->get(), from_leaf.c_str(), &source, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error(errno, quoted(item.shown) + " cannot become a name of " + quoted(item.link_target)));
  }
  if (S_ISDIR(source.st_mode)) return fail(ErrorCode::kIsDirectory, "no hard link can be made to a directory");
  if (::fstatat(directory, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == source.st_dev &&
      there.st_ino == source.st_ino) {
    return false;
  }
  item.part.name = random_part_name();
  if (::linkat(from->get(), from_leaf.c_str(), directory, item.part.name.c_str(), 0) == 0) return true;
  item.part.name.clear();
  return fail(trouble(errno, "making the hard link", item.shown));
}

Result<bool> StoreBatch::rename_item(const StoreItem& item, int directory, const std::string& leaf) const {
  TRY_ASSIGN(const bool replaces, is_replaceable(directory, leaf, item.shown));  // something may have come meanwhile
  if (replaces && rules_.existing == Existing::kKeep) return false;
  if (replaces && !rules_.backup.empty()) {
    TRY(keep_backup(directory, leaf, leaf + rules_.backup, item.shown));
  }
  const char* part = item.part.name.c_str();
  if (rules_.existing == Existing::kKeep) {  // somebody may make it between the look and the name
    if (::renameat2(directory, part, directory, leaf.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != EINVAL && errno != ENOSYS) return fail(trouble(errno, "naming", item.shown));
  }
  if (::renameat(directory, part, directory, leaf.c_str()) == 0) return true;
  return fail(trouble(errno, "naming", item.shown));
}

void StoreBatch::sync_names() {
  std::map<dev_t, int> devices;
  std::map<std::string, std::optional<Error>, std::less<>> synced;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const std::string_view parent = parent_of(items_[i].path);
    if (results_[i].error || results_[i].stayed) continue;
    auto at = synced.find(parent);
    if (at == synced.end()) {
      at = synced.emplace(parent, std::nullopt).first;
      if (auto done = sync_directory(parent, devices); !done) at->second = std::move(done).error();
    }
    if (at->second) results_[i].error = unconfirmed(*at->second, items_[i].shown);
  }
}

// `devices`: errno of those file systems that were synced as a whole.
Result<void> StoreBatch::sync_directory(std::string_view path, std::map<dev_t, int>& devices) {
  TRY_ASSIGN(const SharedDirectory directory, directories_.open(path));
  struct stat status {};
  if (::fstat(directory->get(), &status) != 0) return fail(code_from_errno(errno), errno_text(errno));
  if (small_ && ::fsync(directory->get()) == 0) return {};
  // EBADF: it may not be read, only written into.
  if (small_ && errno != EBADF) return fail(code_from_errno(errno), errno_text(errno));
  const auto [device, is_new] = devices.try_emplace(status.st_dev, 0);
  if (is_new) device->second = sync_device(status.st_dev, directory->get());
  if (device->second == 0) return {};
  return fail(code_from_errno(device->second), errno_text(device->second));
}

}  // namespace farhand
