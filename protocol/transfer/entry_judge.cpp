// EntryJudge: one stat an entry, and the rules of JobOptions.
#include "protocol/transfer/entry_judge.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>
#include <vector>

#include "common/escape.h"
#include "protocol/transfer/range_hash.h"

namespace farhand {
namespace {

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

bool has_name_of_a_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with(kPartPrefix);
}

void fail_as(Judgement& judgement, Error error) {
  judgement.fate = Judgement::Fate::kFailed;
  judgement.error = std::move(error);
}

Error not_looked_at(const std::string& shown) {
  return errno_error(errno, quoted(shown) + " cannot be looked at");
}

// Whether the file that is there was modified as late as the sender's, or later.
bool is_as_new(const struct stat& status, const Entry& entry) {
  if (status.st_mtim.tv_sec != entry.modified_seconds) return status.st_mtim.tv_sec > entry.modified_seconds;
  return status.st_mtim.tv_nsec >= static_cast<long>(entry.modified_nanoseconds);
}

void hash_part(Judgement& judgement, const std::atomic<bool>& stop) {
  const auto hashed = judgement.part->hash_kept(stop);
  if (stop) return;  // it stays for the next time
  if (hashed && judgement.part->end() > 0) {
    judgement.verdict = {Need::kRest, judgement.part->end(), judgement.part->hash()};
  } else {
    judgement.part->set_kept(false);
    judgement.part.reset();
    judgement.verdict = {Need::kWhole, 0, {}};
  }
}

void hash_old(Judgement& judgement, const std::atomic<bool>& stop) {
  const auto bytes = static_cast<std::uint64_t>(judgement.old_status.st_size);
  ContentHash hash;
  if (hash_range(judgement.old_file->get(), 0, bytes, hash, stop).end == bytes) {
    judgement.verdict = {Need::kRest, bytes, hash.value()};
    return;
  }
  judgement.old_file.reset();  // what cannot be read, or is being cut, is no help
  judgement.verdict = {Need::kWhole, 0, {}};
}

// Early word on a file that cannot fit. `kept` bytes of it are there already. Small ones are not asked about: they are
// as soon sent as refused, and a job may have a million of them.
std::optional<Error> lack_of_space(const Place& place, const Entry& entry, std::uint64_t kept,
                                   const std::string& shown) {
  struct statvfs space {};
  if (entry.occupied <= kLeastResumable + kept) return std::nullopt;
  if (::fstatvfs(place.directory->get(), &space) != 0) return std::nullopt;  // then the writing will tell
  const std::uint64_t needed = entry.occupied - kept;
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  if (needed <= free_bytes) return std::nullopt;
  return Error{ErrorCode::kNoSpace,
               quoted(shown) + " needs " + std::to_string(needed) + " bytes and only " + std::to_string(free_bytes) +
                   " are free; what was there before is unchanged",
               false};
}

}  // namespace

std::uint64_t EntryJudge::bytes_to_hash(const Judgement& judgement) {
  if (judgement.part) return judgement.part->length();
  if (judgement.old_file) return static_cast<std::uint64_t>(judgement.old_status.st_size);
  return 0;
}

void EntryJudge::settle_hash(Judgement& judgement, const std::atomic<bool>& stop) {
  if (judgement.part) hash_part(judgement, stop);
  if (judgement.old_file) hash_old(judgement, stop);
}

Result<Judgement> EntryJudge::judge(const Entry& entry, bool may_resume) {
  Judgement judgement;
  TRY_ASSIGN(judgement.path, target_.path_of(entry.path));
  if (blocked_ && is_below(judgement.path, *blocked_)) {
    judgement.fate = Judgement::Fate::kFailed;
  } else if (has_name_of_a_part(judgement.path)) {
    blocked_ = judgement.path;
    fail_as(
        judgement,
        {ErrorCode::kUsage,
         quoted(target_.shown(judgement.path)) + " has a name as unfinished transfers have, and is not stored", false});
  } else if (entry.kind == EntryKind::kSpecial) {
    judgement.notice = "is a pipe, socket or device and was left out";
  } else if (entry.kind == EntryKind::kDirectory) {
    judge_directory(entry, judgement);
  } else {
    judge_leaf(entry, judgement, may_resume);
  }
  return judgement;
}

// Its directory. Where that cannot be entered it is told once, and not of each entry below.
std::optional<Place> EntryJudge::enter(Judgement& judgement) {
  auto place = target_.place_of(judgement.path);
  if (place) return *std::move(place);
  blocked_ = judgement.path.substr(0, judgement.path.rfind('/'));
  fail_as(judgement, std::move(place).error());
  return std::nullopt;
}

// For a dry run.
void EntryJudge::foresee_directory(const Entry& entry, Judgement& judgement) {
  if (entry.path == ".") return foresee_base(entry, judgement);
  const auto place = enter(judgement);
  if (!place) return;
  struct stat status {};
  const bool there =
      place->directory && ::fstatat(place->directory->get(), place->leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there) judgement.would = "new";
  if (!there) return;
  if (S_ISDIR(status.st_mode)) {
    return foresee_metadata(entry, place->directory->get(), place->leaf, status, judgement);
  }
  blocked_ = judgement.path;
  fail_as(judgement, in_the_way(target_.shown(judgement.path)));
}

void EntryJudge::foresee_base(const Entry& entry, Judgement& judgement) {
  struct stat status {};
  if (!target_.is_there() || ::fstat(target_.base().fd(), &status) != 0) return;
  foresee_metadata(entry, target_.base().fd(), "", status, judgement);
}

void EntryJudge::foresee_metadata(const Entry& entry, int directory, const std::string& leaf, const struct stat& status,
                                  Judgement& judgement) {
  if (options_.existing != Existing::kReplace) return;
  if (!metadata_.is_like(directory, leaf, status, entry, target_.shown(judgement.path))) judgement.would = kMetadata;
}

void EntryJudge::judge_directory(const Entry& entry, Judgement& judgement) {
  if (options_.dry_run) return foresee_directory(entry, judgement);
  if (entry.path != "." && !enter(judgement)) return;
  const auto made = target_.make_directory(judgement.path);
  if (made) {
    blocked_.reset();
    const bool stays = options_.existing != Existing::kReplace;
    judgement.mode_was = made->was;
    judgement.fate = made->is_new ? Judgement::Fate::kMade
                     : stays      ? Judgement::Fate::kStays
                                  : Judgement::Fate::kEntered;
  } else {
    blocked_ = judgement.path;
    fail_as(judgement, made.error());
  }
}

void EntryJudge::judge_leaf(const Entry& entry, Judgement& judgement, bool may_resume) {
  const auto place = enter(judgement);
  if (!place) return;
  const std::string shown = target_.shown(judgement.path);
  struct stat status {};
  if (!place->directory || ::fstatat(place->directory->get(), place->leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (place->directory && errno != ENOENT) return fail_as(judgement, not_looked_at(shown));
    judgement.would = "new";
    judgement.is_new = true;
    judge_new(entry, *place, judgement, may_resume);
  } else if (S_ISDIR(status.st_mode)) {
    fail_as(judgement,
            {ErrorCode::kIsDirectory, quoted(shown) + " is a directory, so no file can take its name", false});
  } else if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    fail_as(judgement,
            {ErrorCode::kNotRegular, quoted(shown) + " is not a regular file, so it is not replaced", false});
  } else {
    judge_there(entry, *place, status, judgement, may_resume);
  }
  const bool is_needed = judgement.fate == Judgement::Fate::kNeeded;
  const bool is_told = is_needed || judgement.fate == Judgement::Fate::kUnchanged;
  if (!options_.dry_run || !is_told) judgement.would = {};
  if (judgement.would.empty() || judgement.old_file || !is_needed) return;
  judgement.fate = Judgement::Fate::kSettled;
  judgement.verdict = {};
}

void EntryJudge::judge_there(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement,
                             bool may_resume) {
  const bool may_be_a_backup = backups_.holds(judgement.path);
  judge_old(entry, place, status, judgement);
  // What is there may become the backup of another: that is known when its turn comes.
  if (may_be_a_backup && judgement.fate == Judgement::Fate::kUnchanged) judgement.fate = Judgement::Fate::kNeeded;
  judgement.replaces = judgement.fate == Judgement::Fate::kNeeded;
  if (!judgement.replaces) return;
  judgement.would = "changed";
  backups_.replaced();
  if (!judgement.compares) judge_new(entry, place, judgement, may_resume);
}

void EntryJudge::judge_old(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement) {
  if (options_.existing == Existing::kKeep) return;
  if (options_.existing == Existing::kUpdate && is_as_new(status, entry)) return;
  judgement.fate = Judgement::Fate::kNeeded;
  if (entry.kind == EntryKind::kLink && S_ISLNK(status.st_mode)) return compare_link(entry, place, status, judgement);
  if (entry.kind == EntryKind::kHardLink && options_.dry_run) return compare_hard_link(entry, status, judgement);
  if (entry.kind != EntryKind::kFile || !S_ISREG(status.st_mode)) return;
  const bool same_size = static_cast<std::uint64_t>(status.st_size) == entry.size;
  const bool may_be_same = same_size && (options_.sameness == Sameness::kChecksum || has_time_of(status, entry));
  const bool compares =
      options_.sameness != Sameness::kByTimes && (!options_.dry_run || options_.sameness == Sameness::kChecksum);
  if (may_be_same && !compares) return accept_as_same(entry, place, status, judgement);
  if (may_be_same) {
    judgement.verdict.need = Need::kWhole;
    judgement.compares = open_old(place, status, judgement);
  }
  offer_as_base(entry, place, status, judgement);
}

void EntryJudge::offer_as_base(const Entry& entry, const Place& place, const struct stat& status,
                               Judgement& judgement) const {
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  const bool is_worth_it = entry.size >= kLeastDelta && bytes >= kLeastDelta && bytes <= delta::kMaxBaseBytes;
  if (!options_.delta || options_.dry_run || !is_worth_it) return;
  judgement.wants_signature = judgement.old_file || open_old(place, status, judgement);
}

// Whether it is a name of that file now. Of use where nothing is stored: else the file may become another one.
void EntryJudge::compare_hard_link(const Entry& entry, const struct stat& status, Judgement& judgement) const {
  struct stat linked {};
  const auto path = target_.path_of(entry.target);
  const auto place = path ? target_.place_of(*path) : Result<Place>(Place{});
  if (!place || !place->directory) return;
  if (::fstatat(place->directory->get(), place->leaf.c_str(), &linked, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (linked.st_dev != status.st_dev || linked.st_ino != status.st_ino) return;
  judgement.fate = Judgement::Fate::kUnchanged;
}

void EntryJudge::compare_link(const Entry& entry, const Place& place, const struct stat& status,
                              Judgement& judgement) const {
  std::vector<char> says(entry.target.size() + 1);  // one more, to see if it says more
  const ssize_t length = ::readlinkat(place.directory->get(), place.leaf.c_str(), says.data(), says.size());
  if (length < 0 || std::string_view(says.data(), static_cast<std::size_t>(length)) != entry.target) return;
  judgement.fate = Judgement::Fate::kUnchanged;
  const std::string shown = target_.shown(judgement.path);
  if (metadata_.link_is_like(status, entry, shown)) return;
  if (options_.dry_run) {
    judgement.would = kMetadata;
  } else if (status.st_nlink > 1) {  // as of a file: a new one takes this name
    judgement.fate = Judgement::Fate::kNeeded;
  } else {
    metadata_.mend_link(place.directory->get(), place.leaf, status, entry, shown);
  }
}

void EntryJudge::accept_as_same(const Entry& entry, const Place& place, const struct stat& status,
                                Judgement& judgement) const {
  judgement.fate = Judgement::Fate::kUnchanged;
  const std::string shown = target_.shown(judgement.path);
  if (metadata_.is_like(place.directory->get(), place.leaf, status, entry, shown)) return;
  if (options_.dry_run) {
    judgement.would = kMetadata;
    return;
  }
  if (status.st_nlink > 1) {  // mended in place, it would change under its other names too: a copy takes this one
    judgement.fate = Judgement::Fate::kNeeded;
    judgement.verdict.need = Need::kWhole;
    judgement.compares = open_old(place, status, judgement);
    return;
  }
  const UniqueFd file = open_as_it_is(place.directory->get(), place.leaf);
  struct stat opened {};
  if (!file || ::fstat(file.get(), &opened) != 0) return fail_as(judgement, not_looked_at(shown));
  if (!S_ISREG(opened.st_mode)) return;  // replaced meanwhile: whoever did it has the last word
  if (const auto mended = metadata_.mend(file.get(), opened, entry, shown); !mended) {
    fail_as(judgement, mended.error());
  }
}

bool EntryJudge::open_old(const Place& place, const struct stat& status, Judgement& judgement) const {
  UniqueFd file(
      ::openat(place.directory->get(), place.leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat opened {};
  if (!file || ::fstat(file.get(), &opened) != 0 || !S_ISREG(opened.st_mode)) return false;
  if (opened.st_size != status.st_size || has_too_many_zeros(opened)) return false;
  judgement.old_file = std::move(file);
  judgement.old_status = opened;
  return true;
}

// Most of it has come already, and the rest of it is sent; else a delta begins anew.
void EntryJudge::choose_part_or_base(const Entry& entry, Judgement& judgement) {
  if (judgement.part->length() > entry.size / 2) {
    judgement.wants_signature = false;
    judgement.old_file.reset();
  } else {
    judgement.part.reset();
  }
}

void EntryJudge::judge_new(const Entry& entry, const Place& place, Judgement& judgement, bool may_resume) {
  judgement.fate = Judgement::Fate::kNeeded;
  if (entry.kind != EntryKind::kFile) return;
  judgement.verdict.need = Need::kWhole;
  if (options_.dry_run || entry.size <= kLeastResumable) return;
  const std::string shown = target_.shown(judgement.path);
  if (may_resume) judgement.part = PartFile::find(place.directory, place.leaf, shown);
  // More than there is now cannot be its beginning.
  if (judgement.part && judgement.part->length() > entry.size) {
    judgement.part->set_kept(false);
    judgement.part.reset();
  }
  const std::uint64_t kept =
      judgement.part ? judgement.part->length() : 0;  // its room is there, whatever becomes of it
  if (judgement.wants_signature && judgement.part) choose_part_or_base(entry, judgement);
  auto lack = lack_of_space(place, entry, kept, shown);
  if (!lack) return;
  fail_as(judgement, *std::move(lack));
  judgement.verdict = {};
  judgement.wants_signature = false;
  judgement.old_file.reset();
  if (judgement.part) std::ignore = judgement.part->detach();  // it stays for when there is room
  judgement.part.reset();
}

}  // namespace farhand
