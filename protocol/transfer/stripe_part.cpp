// StripePart over pwrite(2) and fallocate(2).
#include "protocol/transfer/stripe_part.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/escape.h"
#include "common/file_io.h"
#include "protocol/transfer/part_file.h"
#include "protocol/transfer/range_hash.h"
#include "protocol/transfer/tree_target.h"

namespace farhand {
namespace {

constexpr std::uint64_t kBlockBytes = 512;  // st_blocks counts these
constexpr std::string_view kUnchanged = "; what was there before is unchanged";
constexpr std::array<std::byte, 64 << 10> kZeros{};

bool names_a_part(const std::string& path) {
  return path.starts_with(kPartPrefix) || path.find("/" + std::string(kPartPrefix)) != std::string::npos;
}

Error is_a_part(const std::string& shown) {
  return {ErrorCode::kUsage, quoted(shown) + " has a name as unfinished transfers have, and is not stored", false};
}

// The directories between, made as the job would make them.
Result<Place> make_way(TreeTarget& tree, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    TRY(tree.make_directory(path.substr(0, slash)));
  }
  return tree.place_of(path);
}

bool is_the_same(const struct stat& there, const Stretch& stretch) {
  return S_ISREG(there.st_mode) && static_cast<std::uint64_t>(there.st_size) == stretch.size &&
         there.st_mtim.tv_sec == stretch.modified_seconds &&
         there.st_mtim.tv_nsec == static_cast<long>(stretch.modified_nanoseconds);
}

// As the job says it early: what has come of the file already has its room.
Result<void> check_room(const Place& place, const Stretch& stretch, const std::string& shown) {
  struct statvfs space {};
  struct stat part {};
  if (::fstatvfs(place.directory->get(), &space) != 0) return {};  // then the writing will tell
  const std::string name = resumable_part_name(place.leaf);
  const bool is_begun = ::fstatat(place.directory->get(), name.c_str(), &part, AT_SYMLINK_NOFOLLOW) == 0;
  const std::uint64_t stored = is_begun ? static_cast<std::uint64_t>(part.st_blocks) * kBlockBytes : 0;
  const std::uint64_t needed = stretch.occupied - std::min(stretch.occupied, stored);
  if (needed <= static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize) return {};
  return fail(ErrorCode::kNoSpace, quoted(shown) + " has no room there" + std::string(kUnchanged));
}

// What is longer than the file cannot be its beginning. Nobody who writes a stretch of this file writes behind its end.
bool cut_to(int fd, std::uint64_t size) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  return static_cast<std::uint64_t>(status.st_size) <= size || ::ftruncate(fd, static_cast<off_t>(size)) == 0;
}

// Data ends with a whole block for the file system, however little of it was written: zeros at the end may be nobody's.
std::uint64_t without_zeros(int fd, std::uint64_t begin, std::uint64_t end, const std::atomic<bool>& stop) {
  std::array<std::byte, 16 << 10> piece;
  while (end > begin && !stop) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end - begin));
    const ssize_t got = read_all_at(fd, MutableBytes(piece).first(size), end - size);
    if (got != static_cast<ssize_t>(size)) return begin;  // what cannot be read comes again
    const auto last = std::find_if(piece.rend() - static_cast<std::ptrdiff_t>(size), piece.rend(),
                                   [](std::byte byte) { return byte != std::byte{0}; });
    const auto left = static_cast<std::size_t>(piece.rend() - last);
    end -= size - left;
    if (left > 0) break;
  }
  return end;
}

}  // namespace

Result<std::optional<StripePart>> StripePart::open(const JobTarget& target, const std::string& path,
                                                   const Stretch& stretch) {
  if (stretch.size <= kLeastResumable) return fail(ErrorCode::kUsage, quoted(path) + " is too small for stripes");
  if (names_a_part(path)) return fail(is_a_part(path));
  TRY_ASSIGN(TreeTarget tree, TreeTarget::begin(target, false));
  TRY_ASSIGN(const std::string below, tree.path_of(path));
  if (names_a_part(below)) return fail(is_a_part(tree.shown(below)));  // that is what the target is called
  TRY_ASSIGN(const Place place, make_way(tree, below));
  std::string shown = tree.shown(below);
  struct stat there {};
  if (::fstatat(place.directory->get(), place.leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (is_the_same(there, stretch)) return std::optional<StripePart>();
    if (!S_ISREG(there.st_mode) && !S_ISLNK(there.st_mode)) {
      return fail(ErrorCode::kNotRegular, quoted(shown) + " is no file, so no file can take its name");
    }
  }
  TRY(check_room(place, stretch, shown));
  UniqueFd part = open_shared_part(place.directory->get(), place.leaf);
  if (!part || !cut_to(part.get(), stretch.size)) {
    return fail(ErrorCode::kBusy, quoted(shown) + " cannot be written in stripes, or somebody else is sending it");
  }
  return std::optional<StripePart>(
      StripePart(place.directory, resumable_part_name(place.leaf), std::move(part), std::move(shown), stretch));
}

// Alone, and only while it still has its name: whoever is about to enter it looks for that once he has the lock.
StripePart::~StripePart() {
  struct stat opened {
  }, named{};
  if (!fd_ || ::fstat(fd_.get(), &opened) != 0 || opened.st_size != 0) return;
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(fd_.get(), &opened) != 0 || opened.st_size != 0) return;
  if (::fstatat(directory_->get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (named.st_dev == opened.st_dev && named.st_ino == opened.st_ino) ::unlinkat(directory_->get(), name_.c_str(), 0);
}

Error StripePart::trouble(int error_number, std::string_view doing) const {
  return Error{
      code_from_errno(error_number),
      std::string(doing) + " " + quoted(shown_) + " failed: " + errno_text(error_number) + std::string(kUnchanged),
      false};
}

Result<void> StripePart::look(const std::atomic<bool>& stop) {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return fail(trouble(errno, "looking at what was left of"));
  const std::uint64_t until = std::min(stretch_.end(), static_cast<std::uint64_t>(status.st_size));
  if (until <= stretch_.offset) return {};
  const DataExtent data = data_from(fd_.get(), stretch_.offset, until);
  if (data.begin != stretch_.offset) return {};
  const std::uint64_t written = without_zeros(fd_.get(), stretch_.offset, data.end, stop);
  const HashedRange done = hash_range(fd_.get(), stretch_.offset, written, hash_, stop);
  if (done.error != 0) return fail(trouble(done.error, "reading what was left of"));
  if (stop) return fail(ErrorCode::kInterrupted, "reading what was left of " + quoted(shown_) + " was given up");
  at_ = done.end;
  kept_ = at_ - stretch_.offset;
  return {};
}

Verdict StripePart::verdict() const {
  if (kept_ == 0) return {Need::kWhole, 0, {}};
  return {Need::kRest, kept_, hash_.value()};
}

void StripePart::begin(bool anew) {
  begun_ = true;
  if (!anew) return;
  keeps_ = false;
  at_ = stretch_.offset;
  hash_ = ContentHash();
}

// A gap, whatever was left there. Only what the sender leaves out is emptied: whoever comes late with a stretch that
// somebody else has written meanwhile changes nothing. Where no hole can be made the zeros are written.
Result<void> StripePart::skip_to(std::uint64_t offset) {
  if (at_ == offset) return {};
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const bool is_empty = ::fallocate(fd_.get(), mode, static_cast<off_t>(at_), static_cast<off_t>(offset - at_)) == 0;
  while (at_ < offset) {
    const Bytes zeros = Bytes(kZeros).first(std::min<std::uint64_t>(kZeros.size(), offset - at_));
    if (!is_empty && !write_all_at(fd_.get(), zeros, at_)) return fail(trouble(errno, "writing"));
    hash_.add(zeros);
    at_ += zeros.size();
  }
  return {};
}

Result<void> StripePart::write(std::uint64_t offset, Bytes bytes) {
  if (offset < stretch_.offset || offset > stretch_.end() || bytes.size() > stretch_.end() - offset) {
    return fail(ErrorCode::kProtocol, "a 'part' is outside of its stripe");
  }
  if (!begun_) begin(kept_ == 0 || offset == stretch_.offset);
  if (offset < at_) return fail(ErrorCode::kProtocol, "a 'part' frame is out of order");
  TRY(skip_to(offset));
  if (!write_all_at(fd_.get(), bytes, offset)) return fail(trouble(errno, "writing"));
  hash_.add(bytes);
  at_ += bytes.size();
  return {};
}

// The part is as long as its stretches say, so that the job finds all of it; by a byte of our own, since cutting and
// stretching the file is not for several.
Result<void> StripePart::close(const Seal& seal) {
  if (seal.outcome != SealOutcome::kComplete) return fail(seal.code, sentence_for_display(seal.reason));
  if (!begun_) begin(false);
  TRY(skip_to(stretch_.end()));
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return fail(trouble(errno, "looking at"));
  if (static_cast<std::uint64_t>(status.st_size) < stretch_.end() &&
      !write_all_at(fd_.get(), Bytes(kZeros).first(1), stretch_.end() - 1)) {
    return fail(trouble(errno, "writing"));
  }
  if (seal.size == stretch_.length && seal.hash == hash_.value()) return {};
  return fail(ErrorCode::kIntegrity,
              "what arrived of " + quoted(shown_) + " is not what was sent" + std::string(kUnchanged));
}

}  // namespace farhand
