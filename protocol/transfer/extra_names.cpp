// A merge of two walks, and unlinkat of what is in a directory before itself.
#include "protocol/transfer/extra_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/background.h"
#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

constexpr char kIsDirectory = 'd';
constexpr char kIsOther = '-';

// A directory in which names go, and its time of modification, which comes back when it is left.
class Scene {
 public:
  explicit Scene(const RootedDirectory& base) : directories_(base) {}
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene() { leave(); }

  Result<int> enter(std::string_view path) {
    if (directory_ && path == path_) return directory_->get();
    leave();
    TRY_ASSIGN(directory_, directories_.open(path));
    path_ = path;
    if (::fstat(directory_->get(), &status_) != 0) throw_errno("fstat");
    return directory_->get();
  }

  // For one whose mode keeps its owner out.
  bool become_writable() {
    return status_.st_uid == ::geteuid() && (status_.st_mode & 0700) != 0700 &&
           set_mode(directory_->get(), (status_.st_mode & 07777) | 0700) && (changed_mode_ = true);
  }

 private:
  void leave() noexcept {
    if (!directory_) return;
    if (changed_mode_) set_mode(directory_->get(), status_.st_mode & 07777);
    changed_mode_ = false;
    const timespec times[2] = {{0, UTIME_OMIT}, status_.st_mtim};
    std::ignore = ::futimens(directory_->get(), times);
    directory_.reset();
  }

  DirectoryCache directories_;
  SharedDirectory directory_;
  std::string path_;
  struct stat status_ {};
  bool changed_mode_ = false;
};

}  // namespace

bool ExtraNames::is_backup(const Entry& entry) const {
  return !rules_.backup.empty() && entry.kind != EntryKind::kDirectory && entry.path.ends_with(rules_.backup);
}

void ExtraNames::add_failure(const std::string& path, const Error& error) {
  ++failed;
  if (failures.size() < kMostTold) failures.push_back({target_.shown(path), error.code, error.message});
}

void ExtraNames::tell_troubles(TreeWalk& walk) {
  for (Trouble& trouble : walk.take_troubles()) {
    if (trouble.is_notice) continue;  // a part of another transfer, which stays
    ++failed;
    if (failures.size() < kMostTold) failures.push_back(std::move(trouble));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Looking

void ExtraNames::enter(const std::string& path) {
  entered_.push_back({path.size()});
  deepest_ = path;
}

// The walk is at `path` now: what it is not in has been seen as a whole. Empty: that is all.
void ExtraNames::leave_for(std::string_view path) {
  const auto is_in = [&](std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
  };
  while (!entered_.empty() && !is_in(deepest_)) {
    const bool is_kept = entered_.back().is_kept;
    entered_.pop_back();
    if (is_kept) tell_kept(deepest_);
    if (is_kept && !entered_.empty()) entered_.back().is_kept = true;
    if (!is_kept) extra_.put(deepest_, kIsDirectory);
    if (!entered_.empty()) deepest_.resize(entered_.back().length);
  }
}

void ExtraNames::keep(std::string_view path) {
  leave_for(path);
  if (!entered_.empty()) entered_.back().is_kept = true;
}

void ExtraNames::tell_kept(const std::string& path) {
  if (notices.size() >= kMostTold) return;
  const std::string shown = target_.shown(path);
  notices.push_back({shown, ErrorCode::kFileTrouble,
                     quoted(shown) + " stays, since something in it is excluded or still in use", true});
}

void ExtraNames::look() {
  auto top = target_.base().open_plain(".", O_RDONLY | O_DIRECTORY);
  if (!top) return add_failure(".", top.error());
  TreeWalk::Options options;
  options.hard_links = false;
  options.meets_part = [this](const std::string& path) {
    keep(path);
  };
  if (rules_.excludes) {
    options.excludes = [this](const std::string& path, bool is_directory) {
      const bool stays = rules_.excludes(path, is_directory);
      if (stays) keep(path);
      return stays;
    };
  }
  std::vector<TreeWalk::Top> tops;
  tops.push_back({*std::move(top), ".", target_.shown(".")});
  auto walk = TreeWalk::begin(target_.base(), std::move(tops), std::move(options));
  if (!walk) return add_failure(".", walk.error());
  Spill::Reader reader(listed_);
  auto listed = reader.next();
  while (const auto entry = walk->next_to_the_end()) {
    if (stop_) return;
    tell_troubles(*walk);
    if (entry->path == ".") continue;
    if (is_backup(*entry)) keep(entry->path);
    if (is_backup(*entry)) continue;
    while (listed && entry_precedes(listed->text, entry->path)) listed = reader.next();
    if (listed && listed->text == entry->path) continue;
    leave_for(entry->path);
    if (entry->kind == EntryKind::kDirectory) {
      enter(entry->path);
    } else {
      extra_.put(entry->path, kIsOther);
    }
  }
  leave_for({});
  tell_troubles(*walk);
  for (const Spill* spill : {&std::as_const(listed_), &std::as_const(extra_)}) {
    if (spill->error() != 0) add_failure(".", errno_error(spill->error(), "the list of what is to be deleted is lost"));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Deleting

void ExtraNames::remove() {
  Scene scene(target_.base());
  Spill::Reader reader(extra_);
  while (const auto name = reader.next()) {
    if (stop_) return;
    const std::string leaf(name->text.substr(name->text.rfind('/') + 1));
    const auto directory = scene.enter(parent_of(name->text));
    if (!directory) {
      if (directory.error().code != ErrorCode::kNotFound) add_failure(std::string(name->text), directory.error());
      continue;
    }
    const int flags = name->mark == kIsDirectory ? AT_REMOVEDIR : 0;
    if (::unlinkat(*directory, leaf.c_str(), flags) == 0 ||
        (errno == EACCES && scene.become_writable() && ::unlinkat(*directory, leaf.c_str(), flags) == 0)) {
      ++deleted;
    } else if (errno == ENOTEMPTY || errno == EEXIST) {
      tell_kept(std::string(name->text));  // it was put there meanwhile
    } else if (errno != ENOENT) {
      const std::string path(name->text);
      add_failure(path, errno_error(errno, quoted(target_.shown(path)) + " cannot be deleted"));
    }
  }
  if (extra_.error() != 0) add_failure(".", errno_error(extra_.error(), "the list of what is to be deleted is lost"));
}

namespace {

Result<void> run_on_helper(Channel& channel, ExtraNames& extra, void (ExtraNames::*work)()) {
  BackgroundTask task([&] { (extra.*work)(); });
  while (!task.done()) {
    pollfd watched{task.fd(), POLLIN, 0};
    const auto waited = channel.wait({&watched, 1}, Deadline::never());
    if (!waited) extra.stop();
    if (!waited) return waited;
  }
  task.finish();
  return {};
}

void tell(ExtraNames& extra, JobReport& report) {
  report.notices(std::exchange(extra.notices, {}));
  for (const Trouble& trouble : std::exchange(extra.failures, {})) {
    report.failed(trouble.path, Error{trouble.code, trouble.message, false});
    --extra.failed;
  }
  report.totals.failed += std::exchange(extra.failed, 0);
  report.totals.deleted += extra.deleted;
}

Result<void> tell_what_would_go(Channel& channel, const TreeTarget& target, ExtraNames& extra, JobReport& report) {
  Spill::Reader reader(extra.names());
  while (const auto name = reader.next()) {
    report.would(target.shown(std::string(name->text)), "deleted");
    report.say(channel);
    while (report.full()) {
      TRY(channel.wait({}, Deadline::never()));
      report.say(channel);
    }
  }
  return {};
}

}  // namespace

Result<void> remove_extra_names(Channel& channel, const TreeTarget& target, Spill& listed,
                                const ExtraNames::Rules& rules, JobReport& report) {
  ExtraNames extra(target, listed, rules);
  TRY(run_on_helper(channel, extra, &ExtraNames::look));
  const std::string here = target.shown(".");
  if (extra.failed > 0) {
    tell(extra, report);
    report.notice(here, ErrorCode::kCancelled, std::string(kNothingDeleted));
    return {};
  }
  const std::uint64_t all = report.totals.deleted + extra.count();  // with what was in the way
  if (rules.most > 0 && all > rules.most) {
    report.failed(here,
                  Error{ErrorCode::kLimit,
                        std::to_string(all) + " names would be deleted in " + quoted(here) + ", and at most " +
                            std::to_string(rules.most) + " may be, so nothing was deleted; everything else was done",
                        false});
    return {};
  }
  if (rules.dry_run) {
    tell(extra, report);
    return tell_what_would_go(channel, target, extra, report);
  }
  const auto removed = run_on_helper(channel, extra, &ExtraNames::remove);
  tell(extra, report);
  return removed;
}

}  // namespace farhand
