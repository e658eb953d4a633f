// IncomingFile: parts into a part file.
#include "protocol/transfer/incoming_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::uint64_t kMostGrowth = 64 << 20;  // while a job runs, of a file that was small
constexpr std::string_view kKept = "; what was there before is unchanged";

bool is_still(const struct stat& now, const struct stat& then) {
  return now.st_dev == then.st_dev && now.st_ino == then.st_ino && now.st_size == then.st_size &&
         now.st_mtim.tv_sec == then.st_mtim.tv_sec && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec;
}

Error changed_meanwhile(const std::string& shown) {
  return {ErrorCode::kSourceChanged, quoted(shown) + " was changed here while it was compared; try again", false};
}

}  // namespace

Error is_a_backup(const std::string& shown) {
  return {ErrorCode::kUsage, quoted(shown) + " was not stored, since what this job has replaced is kept there", false};
}

IncomingFile::IncomingFile(WantedEntry wanted, const JobParts& parts)
    : wanted_(std::move(wanted)), parts_(parts), shown_(parts.target.shown(wanted_.path)), dropped_(wanted_.dry) {
  position_ = wanted_.verdict.have;
  follows_base_ = wanted_.base.has_value();
  if (wanted_.part) part_ = std::exchange(wanted_.part, std::nullopt);
  parts_.report.observer().file_begun(shown_);
  if (parts_.backups.holds(wanted_.path)) fail_with(is_a_backup(shown_));
}

void IncomingFile::fail_with(const Error& error) {
  if (!failed_) parts_.report.failed(shown_, error);
  if (parts_.store != nullptr) parts_.store->mark_failed(wanted_.path);
  failed_ = dropped_ = true;
  if (part_) part_->set_kept(false);
  part_.reset();  // gives its room on the disk back
}

// The sender's file does not begin with what we have.
void IncomingFile::start_over() {
  position_ = 0;
  wanted_.old.reset();
  wanted_.elsewhere.reset();
  if (!part_) return;
  if (const auto emptied = part_->restart(); !emptied) fail_with(emptied.error());
}

void IncomingFile::spare_have() {
  if (!std::exchange(told_spared_, true)) parts_.report.observer().spared(wanted_.verdict.have);
}

// From here on it is as if the sender had been told of the bytes that were counted, and had sent the rest.
void IncomingFile::leave_base() {
  follows_base_ = knows_hash_ = false;
  wanted_.base_hash->spare();
  if (position_ == 0) return;
  wanted_.old = wanted_.base;
  wanted_.verdict.have = position_;
  begun_ = true;
}

Result<IncomingFile::Ready> IncomingFile::prepare_copy(std::uint64_t offset, const CopyRange& range) {
  const bool stays = follows_base_ && offset == position_ && range.offset == offset && range.length > 0 &&
                     range.length <= delta::kMaxCopyBytes &&
                     range.length <= static_cast<std::uint64_t>(wanted_.base->st_size) - offset;
  return stays ? Ready::kYes : prepare_part(offset, true);
}

Result<IncomingFile::Ready> IncomingFile::prepare_part(std::uint64_t offset, bool has_bytes) {
  if (follows_base_) leave_base();
  if (!begun_) {
    begun_ = true;
    const std::uint64_t have = wanted_.verdict.have;
    if (have > 0 && offset == 0) {
      start_over();
    } else if (have > 0 && offset >= have) {
      spare_have();
    }
  }
  if (offset < position_) return fail(ErrorCode::kProtocol, "a 'part' frame is out of order");
  return has_bytes ? make_ready(offset) : Ready::kYes;
}

IncomingFile::Ready IncomingFile::make_ready(std::uint64_t offset) {
  if (copying_ && !copying_->done()) return Ready::kWait;
  if (copying_) end_copy();
  if (!dropped_ && !part_ && !open_part()) return Ready::kYes;
  if (copying_) return Ready::kWait;
  // Zeros cost their sender nothing. What has grown meanwhile has not been sent as whole by an honest one.
  if (!dropped_ && part_->end() < offset && offset > wanted_.entry.size) {
    fail_with(more_than_announced());
  }
  if (!dropped_ && part_->end() < offset) {
    const auto skipped = part_->skip_to(offset);
    if (skipped && !*skipped) return Ready::kAgain;
    if (!skipped) fail_with(skipped.error());
  }
  position_ = offset;
  return Ready::kYes;
}

bool IncomingFile::open_part() {
  const auto place = parts_.target.place_of(wanted_.path);
  if (!place) {
    fail_with(place.error());
    return false;
  }
  parts_.store->watch(place->directory);
  parts_.target.sweep_once(wanted_.path, *place);
  auto part = PartFile::make(place->directory, place->leaf, shown_, wanted_.entry.size > kLeastResumable);
  if (!part) {
    fail_with(part.error());
    return false;
  }
  part_.emplace(*std::move(part));
  part_->set_kept(true);  // unless something is wrong with it
  return !wanted_.old || begin_copy();
}

// The file that was there when the verdict was given.
Result<UniqueFd> IncomingFile::open_in_place(const struct stat& as_it_was) const {
  TRY_ASSIGN(const Place place, parts_.target.place_of(wanted_.path));
  UniqueFd file(
      ::openat(place.directory->get(), place.leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (file && ::fstat(file.get(), &status) == 0 && is_still(status, as_it_was)) return file;
  return fail(changed_meanwhile(shown_));
}

// It, or the one of another name, is the beginning of the sender's: the new one begins with a copy of it.
bool IncomingFile::begin_copy() {
  auto file = wanted_.elsewhere ? Result<UniqueFd>(*std::exchange(wanted_.elsewhere, std::nullopt))
                                : open_in_place(*wanted_.old);
  if (!file) {
    fail_with(file.error());
    return false;
  }
  old_file_ = *std::move(file);
  copying_ = std::make_unique<BackgroundTask>(
      [this] { copied_ = part_->copy_from(old_file_->get(), wanted_.verdict.have, stop_copying_); });
  return true;
}

void IncomingFile::end_copy() {
  copying_->finish();
  copying_.reset();
  old_file_.reset();
  wanted_.old.reset();
  if (!*copied_) {
    fail_with(copied_->error());
  } else if (knows_hash_ && part_->hash() != wanted_.verdict.hash) {
    fail_with(changed_meanwhile(shown_));
  }
}

void IncomingFile::append(Bytes bytes) {
  parts_.report.totals.bytes += bytes.size();
  parts_.report.observer().moved(bytes.size());
  position_ += bytes.size();
  if (dropped_ || bytes.empty()) return;
  if (const auto written = part_->append(bytes); !written) fail_with(written.error());
}

// What was announced, and as much again for a file that has grown since.
std::uint64_t IncomingFile::most_bytes() const {
  return wanted_.entry.size + std::max(wanted_.entry.size, kMostGrowth);
}

Error IncomingFile::more_than_announced() const {
  return {ErrorCode::kIntegrity, "of " + quoted(shown_) + " came more than was announced" + std::string(kKept), false};
}

void IncomingFile::append_unpacked(Bytes bytes) {
  if (!dropped_ && position_ + bytes.size() > most_bytes()) fail_with(more_than_announced());
  append(bytes);
}

bool IncomingFile::open_base() {
  auto file = open_in_place(*wanted_.base);
  if (!file) {
    fail_with(file.error());
    return false;
  }
  base_ = *std::move(file);
  rebuilder_.emplace(delta::Rebuilder::Base{base_->get(), static_cast<std::uint64_t>(wanted_.base->st_size), shown_},
                     most_bytes(), [this](Bytes bytes) { return part_->append(bytes); });
  return true;
}

Result<void> IncomingFile::copy(const CopyRange& range) {
  if (!wanted_.base) return fail(ErrorCode::kProtocol, "a 'copy' came for a file that is made from no other");
  parts_.report.observer().spared(range.length);
  position_ += range.length;
  told_spared_ = true;
  if (follows_base_ || dropped_ || (!rebuilder_ && !open_base())) return {};
  auto copied = rebuilder_->copy(range.offset, range.length);
  if (copied) return {};
  if (copied.error().code == ErrorCode::kProtocol) return copied;
  fail_with(copied.error());
  return {};
}

IncomingFile::Ready IncomingFile::prepare_close(const Seal& seal) {
  if (seal.outcome != SealOutcome::kComplete || dropped_) return Ready::kYes;
  take_over(seal);
  if (seal.size < position_) return Ready::kYes;
  if (follows_base_) judge_likeness(seal);
  if (stays_as_it_is() && seal.size == position_) {
    if (!stays_under_other_names()) return Ready::kYes;
    begun_ = true;  // as if an empty part had come
    spare_have();
  }
  return make_ready(seal.size);
}

// All that has come is how the base begins. Is it the whole of it?
void IncomingFile::judge_likeness(const Seal& seal) {
  const auto hash = wanted_.base_hash->value();
  const bool is_all = position_ == static_cast<std::uint64_t>(wanted_.base->st_size) && seal.size == position_;
  leave_base();
  if (!is_all || hash != seal.hash) return;
  begun_ = false;
  wanted_.verdict.hash = seal.hash;
  knows_hash_ = true;
}

// Mode and time as they were when it had been read, and not when it was listed.
void IncomingFile::take_over(const Seal& seal) {
  wanted_.entry.mode = seal.mode;
  wanted_.entry.modified_seconds = seal.modified_seconds;
  wanted_.entry.modified_nanoseconds = seal.modified_nanoseconds;
}

// Mending what is there would change it under names that are none of this job's business.
bool IncomingFile::stays_under_other_names() const {
  return wanted_.old->st_nlink > 1 && !old_is_like();
}

bool IncomingFile::old_is_like() const {
  const auto place = parts_.target.place_of(wanted_.path);
  return place && place->directory &&
         parts_.metadata.is_like(place->directory->get(), place->leaf, *wanted_.old, wanted_.entry, shown_);
}

bool IncomingFile::close(const Seal& seal) {
  if (seal.outcome != SealOutcome::kComplete) {
    const Trouble why{shown_, seal.outcome == SealOutcome::kCancelled ? ErrorCode::kCancelled : seal.code,
                      sentence_of_peer(seal.reason), false};
    if (!failed_) parts_.report.observer().trouble(why, true);
    if (part_) part_->set_kept(false);
    if (parts_.store != nullptr) parts_.store->mark_failed(wanted_.path);
    return false;
  }
  if (failed_ || !compare(seal)) return false;
  if (!begun_) spare_have();
  take_over(seal);
  if (stays_as_it_is()) {
    if (wanted_.dry && !old_is_like()) parts_.report.would(shown_, kMetadata);
    if (!wanted_.dry) mend_old();
    if (failed_) return false;
    parts_.report.observer().file_ended(wanted_.entry.path, seal.size, seal.hash);
    ++parts_.report.totals.unchanged;
    return false;
  }
  if (wanted_.dry) {
    parts_.report.would(shown_, "changed");
    return false;
  }
  hand_over();
  return !failed_;
}

bool IncomingFile::compare(const Seal& seal) {
  if (wanted_.dry && begun_) return true;  // it is not the same; that is all that was asked
  const bool as_it_is = stays_as_it_is();
  const HashValue hash = as_it_is ? wanted_.verdict.hash : part_ ? part_->hash() : HashValue{};
  if (seal.size == position_ && seal.hash == hash && (as_it_is || part_)) return true;
  fail_with({ErrorCode::kIntegrity,
             "what arrived for " + quoted(shown_) + " is not what was sent" + std::string(kKept) + "; try again",
             false});
  return false;
}

void IncomingFile::mend_old() {
  const auto place = parts_.target.place_of(wanted_.path);
  if (!place) return fail_with(place.error());
  const UniqueFd file = open_as_it_is(place->directory->get(), place->leaf);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !is_still(status, *wanted_.old)) {
    return fail_with(changed_meanwhile(shown_));
  }
  if (const auto mended = parts_.metadata.mend(file.get(), status, wanted_.entry, shown_); !mended) {
    fail_with(mended.error());
  }
}

void IncomingFile::hand_over() {
  struct stat status {};
  if (::fstat(part_->fd(), &status) != 0) {
    return fail_with(errno_error(errno, "the new content of " + quoted(shown_) + " cannot be looked at"));
  }
  if (const auto applied = parts_.metadata.apply(part_->fd(), wanted_.entry, shown_); !applied) {
    return fail_with(applied.error());
  }
  const HashValue hash = part_->hash();
  StoreItem item;
  item.number = wanted_.number;
  item.path = std::move(wanted_.path);
  item.shown = shown_;
  item.part = part_->detach();
  item.device = status.st_dev;
  item.inode = status.st_ino;
  item.bytes = position_;
  item.entry_path = std::move(wanted_.entry.path);
  item.hash = hash;
  part_.reset();
  if (wanted_.replaces) parts_.backups.replaced();
  parts_.store->add(std::move(item));
}

}  // namespace farhand
