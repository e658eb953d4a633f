// One file, or a tree from its deepest name up.
#include "protocol/transfer/way_clearing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/escape.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

Error stays(const TreeTarget& target, const std::string& path, const std::string& why) {
  return {ErrorCode::kFileTrouble, quoted(target.shown(path)) + " is in the way and stays, since " + why, false};
}

// All that is below; an error if something there is not to go.
Result<void> list_below(const TreeTarget& target, const std::string& path, UniqueFd directory,
                        const ExtraNames::Rules& rules, Spill& names) {
  bool keeps = false;
  TreeWalk::Options options;
  options.hard_links = false;
  options.excludes = [&](const std::string& below, bool is_directory) {
    const bool is_kept = (rules.excludes && rules.excludes(path + "/" + below, is_directory)) ||
                         (!rules.backup.empty() && below.ends_with(rules.backup));
    keeps = keeps || is_kept;
    return is_kept;
  };
  std::vector<TreeWalk::Top> tops;
  tops.push_back({std::move(directory), ".", target.shown(path)});
  TRY_ASSIGN(TreeWalk walk, TreeWalk::begin(target.base(), std::move(tops), std::move(options)));
  while (const auto entry = walk.next_to_the_end()) {
    if (entry->kind == EntryKind::kSpecial) keeps = true;
    if (entry->path != ".") names.put(entry->path, entry->kind == EntryKind::kDirectory ? 'd' : '-');
  }
  for (const Trouble& trouble : walk.take_troubles()) {
    if (!trouble.is_notice) return fail(stays(target, path, "not all of it can be read"));
    keeps = true;  // a part of another transfer
  }
  if (keeps) return fail(stays(target, path, "something in it is excluded, still in use, or no file"));
  return {};
}

Result<std::uint64_t> remove_below(const RootedDirectory& directory, Spill& names) {
  DirectoryCache parents(directory);
  std::uint64_t deleted = 0;
  Spill::Reader reader(names, Spill::Reader::From::kBack);
  while (const auto name = reader.next()) {
    const std::size_t slash = name->text.rfind('/');
    const std::string_view parent = slash == std::string_view::npos ? "" : name->text.substr(0, slash);
    TRY_ASSIGN(const SharedDirectory opened, parents.open(parent));
    const std::string leaf(name->text.substr(slash + 1));
    if (::unlinkat(opened->get(), leaf.c_str(), name->mark == 'd' ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
      return fail(errno_error(errno, quoted(std::string(name->text)) + " cannot be deleted"));
    }
    ++deleted;
  }
  return deleted;
}

}  // namespace

Result<std::uint64_t> clear_way(const TreeTarget& target, const std::string& path, const ExtraNames::Rules& rules,
                                std::uint64_t deleted) {
  const std::size_t slash = path.rfind('/');
  DirectoryCache parents(target.base());
  TRY_ASSIGN(const SharedDirectory parent,
             parents.open(slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash)));
  const std::string leaf = path.substr(slash + 1);
  struct stat status {};
  if (::fstatat(parent->get(), leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error(errno, quoted(target.shown(path))));
  }
  const bool is_directory = S_ISDIR(status.st_mode);
  if (!is_directory && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    return fail(stays(target, path, "it is a pipe, socket or device"));
  }
  if (rules.excludes && rules.excludes(path, is_directory)) return fail(stays(target, path, "it is excluded"));
  Spill names(target.base().fd());
  std::uint64_t went = 1;
  UniqueFd opened;
  if (is_directory) {
    TRY_ASSIGN(opened, target.base().open_plain(path, O_RDONLY | O_DIRECTORY));
    UniqueFd listed(::openat(opened.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!listed) return fail(errno_error(errno, quoted(target.shown(path)) + " cannot be read"));
    TRY(list_below(target, path, std::move(listed), rules, names));
    if (names.error() != 0) return fail(errno_error(names.error(), "the list of what is to be deleted is lost"));
  }
  if (rules.most > 0 && deleted + names.count() + 1 > rules.most) {
    return fail(ErrorCode::kLimit, quoted(target.shown(path)) + " is in the way and stays, since more than " +
                                       std::to_string(rules.most) + " names would be deleted");
  }
  if (is_directory) {
    TRY_ASSIGN(const std::uint64_t below, remove_below(target.base().at(std::move(opened), path), names));
    went += below;
  }
  if (::unlinkat(parent->get(), leaf.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0) return went;
  return fail(errno_error(errno, quoted(target.shown(path)) + " is in the way and cannot be deleted"));
}

}  // namespace farhand
