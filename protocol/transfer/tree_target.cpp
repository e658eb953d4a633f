// TreeTarget over RootedDirectory.
#include "protocol/transfer/tree_target.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "common/check.h"
#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/transfer/stale_parts.h"
#include "protocol/transfer/unfinished_mark.h"

namespace farhand {
namespace {

constexpr mode_t kOwnersAll = 0700;

// For reading if that is permitted, since then it can be synced; else it can still be written into.
template <class Open>
Result<UniqueFd> open_directory(Open open) {
  Result<UniqueFd> opened = open(O_RDONLY | O_DIRECTORY);
  if (!opened && opened.error().code == ErrorCode::kNoPermission) return open(O_PATH | O_DIRECTORY);
  return opened;
}

// `to` as it was asked for, with what there is of it.
struct Named {
  std::string path;              // without slashes at its end; never empty
  bool wants_directory = false;  // it had one
  bool there = false;
  bool is_directory = false;
};

Result<Named> look_at(const JobTarget& target) {
  Named named{target.to, false, false, false};
  while (named.path.size() > 1 && named.path.ends_with('/')) {
    named.path.pop_back();
    named.wants_directory = true;
  }
  if (named.path.empty()) named.path = ".";
  const auto opened = target.root.open_existing(named.path, O_PATH);
  if (!opened && opened.error().code == ErrorCode::kNotFound) return named;
  if (!opened && opened.error().code == ErrorCode::kOutsideRoot && target.replaces_links) return named;
  if (!opened) return fail(opened.error());
  struct stat status {};
  if (::fstat(opened->get(), &status) != 0)
    return fail(errno_error(errno, quoted(named.path) + " cannot be looked at"));
  named.there = true;
  named.is_directory = S_ISDIR(status.st_mode);
  return named;
}

// Refused before anything is sent, where nothing could be stored anyway.
Result<void> check_writable(int directory, const std::string& path) {
  struct stat status {};
  if (::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  const int error = errno;
  const bool is_ours = ::fstat(directory, &status) == 0 && status.st_uid == ::geteuid();
  if (error == EACCES && is_ours) return {};  // it may be made writable
  return fail(errno_error(error, "nothing can be stored in " + quoted(path)));
}

Result<UniqueFd> open_base(const JobTarget& target, const std::string& path, bool dry_run) {
  TRY_ASSIGN(UniqueFd base, open_directory([&](int flags) { return target.root.open_existing(path, flags); }));
  if (!dry_run) TRY(check_writable(base.get(), path));
  return base;
}

// Where the base is that was opened by this name; nothing if the name is a link, or none that could be made.
std::optional<ParentAndLeaf> place_of_base(const JobTarget& target, const std::string& path, int base) {
  auto where = target.root.open_parent(path);
  struct stat opened {
  }, named{};
  if (!where || ::fstat(base, &opened) != 0 ||
      ::fstatat(where->parent.get(), where->leaf.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
      named.st_dev != opened.st_dev || named.st_ino != opened.st_ino) {
    return std::nullopt;
  }
  return *std::move(where);
}

Result<UniqueFd> make_base(const JobTarget& target, const ParentAndLeaf& where, const std::string& path) {
  const mode_t mode = target.placement == Placement::kAs ? kOwnersAll : kOwnersAll | (target.mode_mask & 0777);
  if (::mkdirat(where.parent.get(), where.leaf.c_str(), mode) != 0) {
    return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be made"));
  }
  UniqueFd base(::openat(where.parent.get(), where.leaf.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!base) return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be opened"));
  if (::fsync(where.parent.get()) != 0 && ::syncfs(base.get()) != 0) {  // the parent may be one that cannot be read
    return fail(errno_error(errno, "the disk did not confirm the directory " + quoted(path)));
  }
  return base;
}

// False with errno, if its owner cannot be let in.
bool become_accessible(int directory, std::optional<mode_t>& was) {
  struct stat status {};
  if (::fstat(directory, &status) != 0) return false;
  if ((status.st_mode & kOwnersAll) == kOwnersAll || status.st_uid != ::geteuid()) return true;
  was = status.st_mode & 07777;
  const UniqueFd readable(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return set_mode(readable ? readable.get() : directory, (status.st_mode & 07777) | kOwnersAll);
}

}  // namespace

Result<SharedDirectory> DirectoryCache::open(std::string_view path) {
  if (last_ && path == path_) return last_;
  const std::string_view name = path.empty() ? std::string_view(".") : path;
  TRY_ASSIGN(UniqueFd opened, open_directory([&](int flags) { return base_.open_plain(name, flags); }));
  last_ = std::make_shared<const UniqueFd>(std::move(opened));
  path_ = path;
  return last_;
}

Error in_the_way(const std::string& shown) {
  return {ErrorCode::kFileTrouble, quoted(shown) + " is in the way of a directory; it stays as it is", false};
}

TreeTarget::TreeTarget(std::optional<RootedDirectory> base, std::string shown, std::string renamed, bool dry_run)
    : shown_(std::move(shown)), renamed_(std::move(renamed)), dry_run_(dry_run) {
  if (!base) return;
  base_ = std::make_unique<RootedDirectory>(*std::move(base));
  cache_.emplace(*base_);
}

Result<TreeTarget> TreeTarget::begin(const JobTarget& target, bool dry_run) {
  TRY_ASSIGN(const Named to, look_at(target));
  const auto rooted = [&](UniqueFd fd, const std::string& path) {
    return target.root.at(std::move(fd), target.root.path() + "/" + path);
  };
  const std::string shown = target.to.empty() ? std::string() : to.path;
  if (to.is_directory) {
    TRY_ASSIGN(UniqueFd base, open_base(target, to.path, dry_run));
    TreeTarget into(rooted(std::move(base), to.path), shown, "", dry_run);
    if (target.placement == Placement::kAsOrInto && !to.wants_directory) {
      into.standing_ = place_of_base(target, to.path, into.base().fd());
    }
    return into;
  }
  if (target.placement == Placement::kAsOrInto && !to.wants_directory) {
    TRY_ASSIGN(ParentAndLeaf where, target.root.open_parent(to.path));
    if (!dry_run) TRY(check_writable(where.parent.get(), to.path));
    return TreeTarget(rooted(std::move(where.parent), to.path), std::string(parent_of(shown)), where.leaf, dry_run);
  }
  if (to.there) {
    return fail(ErrorCode::kFileTrouble, quoted(to.path) + " is not a directory, so nothing can go into it");
  }
  if (target.placement == Placement::kIntoThere) {
    return fail(ErrorCode::kNotFound, "there is no directory " + quoted(to.path));
  }
  if (dry_run) return TreeTarget(std::nullopt, shown, "", true);
  TRY_ASSIGN(ParentAndLeaf where, target.root.open_parent(to.path));
  TRY_ASSIGN(UniqueFd base, make_base(target, where, to.path));
  TreeTarget made(rooted(std::move(base), to.path), shown, "", dry_run);
  made.made_ = std::move(where);
  return made;
}

Result<std::string> TreeTarget::path_of(const std::string& entry_path) {
  const std::string first = entry_path.substr(0, entry_path.find('/'));
  if (source_.empty()) {
    source_ = first;
    continue_unfinished();
  }
  several_ = several_ || first != source_;
  if (renamed_.empty()) return entry_path;
  if (several_) return fail(ErrorCode::kProtocol, "a second source came where there is room for one");
  return renamed_ + entry_path.substr(first.size());
}

// The base is what an interrupted job has made of this very source: it stays the like of it.
void TreeTarget::continue_unfinished() {
  const auto standing = std::exchange(standing_, std::nullopt);
  if (!standing || !is_marked(base_->fd(), source_)) return;
  UniqueFd parent(::fcntl(standing->parent.get(), F_DUPFD_CLOEXEC, 0));
  if (!parent) return;
  marked_ = true;
  renamed_ = standing->leaf;
  shown_ = parent_of(shown_);
  *base_ = base_->at(std::move(parent), std::string(parent_of(base_->path())));
  cache_.emplace(*base_);
}

void TreeTarget::mark_the_target(int parent) {
  const UniqueFd directory(::openat(parent, renamed_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return;
  mark(directory.get(), source_);
  marked_ = true;
}

void TreeTarget::complete() const {
  if (!marked_) return;
  if (const auto directory = base_->open_plain(renamed_, O_PATH | O_DIRECTORY)) unmark(directory->get(), source_);
}

std::string TreeTarget::shown(const std::string& path) const {
  if (shown_.empty() || shown_ == ".") return path;
  if (path == ".") return shown_;
  return shown_.ends_with('/') ? shown_ + path : shown_ + "/" + path;
}

std::string TreeTarget::stored_at() const {
  const std::string base = shown_.empty() ? "." : shown_;
  if (several_ || source_.empty() || source_ == ".") return base;
  return shown(renamed_.empty() ? source_ : renamed_);
}

void TreeTarget::remove_base() const {
  if (made_) ::unlinkat(made_->parent.get(), made_->leaf.c_str(), AT_REMOVEDIR);
}

const RootedDirectory& TreeTarget::base() const {
  FARHAND_ASSERT(base_);
  return *base_;
}

Result<Place> TreeTarget::place_of(const std::string& path) {
  if (!cache_) return Place{nullptr, leaf_of(path)};
  auto directory = cache_->open(parent_of(path));
  if (!directory && dry_run_ && directory.error().code == ErrorCode::kNotFound) return Place{nullptr, leaf_of(path)};
  if (!directory) return fail(std::move(directory).error());
  return Place{*std::move(directory), leaf_of(path)};
}

Result<TreeTarget::MadeDirectory> TreeTarget::make_directory(const std::string& path) {
  MadeDirectory made{path == "." && made_, std::nullopt};
  if (path == ".") {
    if (become_accessible(base().fd(), made.was)) return made;
    return fail(errno_error(errno, "the directory " + quoted(shown(path)) + " cannot be written to"));
  }
  TRY_ASSIGN(const Place place, place_of(path));
  const int parent = place.directory->get();
  const bool is_new = ::mkdirat(parent, place.leaf.c_str(), kOwnersAll) == 0;
  if (!is_new && errno != EEXIST)
    return fail(errno_error(errno, "the directory " + quoted(shown(path)) + " cannot be made"));
  if (is_the_target(path) && (is_new || marked_)) mark_the_target(parent);
  if (is_new) return MadeDirectory{true, std::nullopt};
  made.is_new = is_the_target(path) && marked_;  // as far as this job goes
  const UniqueFd there(::openat(parent, place.leaf.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!there && (errno == ENOTDIR || errno == ELOOP)) return fail(in_the_way(shown(path)));
  if (!there) return fail(errno_error(errno, "the directory " + quoted(shown(path)) + " cannot be opened"));
  if (become_accessible(there.get(), made.was)) return made;
  return fail(errno_error(errno, "the directory " + quoted(shown(path)) + " cannot be written to"));
}

Result<void> TreeTarget::finish_directory(const std::string& path, const Entry& entry, FileMetadata& metadata) const {
  TRY_ASSIGN(const UniqueFd directory, base().open_plain(path, O_RDONLY | O_DIRECTORY));
  return metadata.apply(directory.get(), entry, shown(path));
}

Result<void> TreeTarget::restore_directory(const std::string& path, mode_t mode) const {
  TRY_ASSIGN(const UniqueFd directory, base().open_plain(path, O_RDONLY | O_DIRECTORY));
  if (set_mode(directory.get(), mode)) return {};
  return fail(errno_error(errno, "the directory " + quoted(shown(path)) + " could not get its mode back"));
}

void TreeTarget::sweep_once(const std::string& path, const Place& place) {
  const std::string_view parent = parent_of(path);
  while (!swept_.empty() && !is_or_holds(swept_.back(), parent)) swept_.pop_back();
  if (!swept_.empty() && swept_.back() == parent) return;
  swept_.emplace_back(parent);
  sweep_stale_parts(place.directory->get(),
                    std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(kPartsStayFor).count());
}

}  // namespace farhand
