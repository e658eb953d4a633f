// PartFile over openat(2), flock(2) and pwrite(2).
#include "protocol/transfer/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/random.h"
#include "protocol/transfer/range_hash.h"

namespace farhand {
namespace {

constexpr std::size_t kRandomNameBytes = 16;  // 128 bits: never guessed, never met twice
constexpr std::size_t kReadBytes = 256 << 10;
// Writeback is begun in steps of this size while the transfer runs, so that the sync at its end is short.
constexpr std::uint64_t kWritebackStep = 16 << 20;
constexpr mode_t kOthersWrite = 0022;

UniqueFd open_part(int directory, const std::string& name, int flags) {
  return UniqueFd(
      ::openat(directory, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags, 0600));
}

enum class Taking : unsigned char {
  kTaken,
  kIsHeld,   // somebody else has the lock
  kRefused,  // it is not ours alone, has another name by now, or cannot be looked at or locked
};

// Ours and locked, if it is ours alone, is nobody else's part now, and still has that name.
Taking take(int directory, const std::string& name, int fd, int lock = LOCK_EX) {
  struct stat opened {
  }, named{};
  if (::fstat(fd, &opened) != 0 || !S_ISREG(opened.st_mode) || opened.st_uid != ::geteuid()) return Taking::kRefused;
  if (opened.st_nlink != 1 || (opened.st_mode & kOthersWrite) != 0) return Taking::kRefused;
  if (::flock(fd, lock | LOCK_NB) != 0) return errno == EWOULDBLOCK ? Taking::kIsHeld : Taking::kRefused;
  // Whoever held the lock before may have given the file its name, or removed it.
  if (::fstatat(directory, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) return Taking::kRefused;
  if (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino) return Taking::kRefused;
  // One that was complete may have its final mode already.
  const bool is_ours = (opened.st_mode & 07777) == 0600 || ::fchmod(fd, 0600) == 0;
  return is_ours ? Taking::kTaken : Taking::kRefused;
}

bool set_length(int fd, std::uint64_t bytes) {
  while (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

}  // namespace

std::string random_part_name() {
  return std::string(kPartPrefix) + random_hex(kRandomNameBytes);
}

std::string resumable_part_name(std::string_view leaf) {
  ContentHash hash;
  hash.add(bytes_of(leaf));
  return std::string(kPartPrefix) + hash_text(hash.value());
}

UniqueFd open_shared_part(int directory, std::string_view leaf) {
  const std::string name = resumable_part_name(leaf);
  UniqueFd fd = open_part(directory, name, O_CREAT);
  return fd && take(directory, name, fd.get(), LOCK_SH) == Taking::kTaken ? std::move(fd) : UniqueFd();
}

PartFile::PartFile(SharedDirectory directory, std::string name, UniqueFd fd, std::string shown, bool resumable)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      shown_(std::move(shown)),
      fd_(std::move(fd)),
      resumable_(resumable) {}

PartFile& PartFile::operator=(PartFile&& other) noexcept {
  if (this == &other) return *this;
  std::destroy_at(this);
  return *std::construct_at(this, std::move(other));
}

PartFile::~PartFile() {
  writeback_.reset();
  if (fd_ && !name_.empty() && !(kept_ && resumable_ && length_ > 0)) remove();
}

// Nobody else's, even where somebody takes parts out of the way: the name may have a new file by now. Where that cannot
// be looked at, one that is random is ours.
void PartFile::remove() noexcept {
  struct stat opened {
  }, named{};
  const bool looked =
      ::fstat(fd_.get(), &opened) == 0 && ::fstatat(directory_->get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_ours = looked ? named.st_dev == opened.st_dev && named.st_ino == opened.st_ino : !resumable_;
  if (is_ours) ::unlinkat(directory_->get(), name_.c_str(), 0);
}

std::optional<PartFile> PartFile::find(SharedDirectory directory, const std::string& leaf, std::string shown) {
  std::string name = resumable_part_name(leaf);
  UniqueFd fd = open_part(directory->get(), name, 0);
  if (!fd || take(directory->get(), name, fd.get()) != Taking::kTaken) return std::nullopt;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || status.st_size == 0) return std::nullopt;
  PartFile part(std::move(directory), std::move(name), std::move(fd), std::move(shown), true);
  part.length_ = static_cast<std::uint64_t>(status.st_size);
  part.set_kept(true);  // until something is wrong with it
  return part;
}

Result<PartFile> PartFile::make(SharedDirectory directory, const std::string& leaf, std::string shown, bool resumable) {
  if (resumable) {
    std::string name = resumable_part_name(leaf);
    UniqueFd fd = open_part(directory->get(), name, O_CREAT | O_EXCL);
    const bool is_new = fd.get() >= 0;
    if (!is_new) fd = open_part(directory->get(), name, O_CREAT);
    const Taking taking = fd ? take(directory->get(), name, fd.get()) : Taking::kRefused;
    if (taking == Taking::kTaken && set_length(fd.get(), 0)) {
      return PartFile(std::move(directory), std::move(name), std::move(fd), std::move(shown), true);
    }
    // One of ours that is of no use goes again, as where there are no locks. Whoever was quicker to lock it has it now.
    if (is_new && taking != Taking::kIsHeld) PartFile(directory, std::move(name), std::move(fd), shown, true);
  }
  std::string name = random_part_name();
  UniqueFd fd = open_part(directory->get(), name, O_CREAT | O_EXCL);
  if (!fd) return fail(errno_error(errno, "no file can be made for " + quoted(shown)));
  return PartFile(std::move(directory), std::move(name), std::move(fd), std::move(shown), false);
}

Error PartFile::trouble(int error_number, std::string_view doing) const {
  return Error{code_from_errno(error_number),
               std::string(doing) + " " + quoted(shown_) + " failed: " + errno_text(error_number) +
                   "; what was there before is unchanged",
               false};
}

Result<void> PartFile::hash_kept(const std::atomic<bool>& stop) {
  const HashedRange done = hash_range(fd_.get(), end_, length_, content_, stop);
  if (done.error != 0) return fail(trouble(done.error, "reading what was left of"));
  if (stop) return fail(ErrorCode::kInterrupted, "reading what was left of " + quoted(shown_) + " was given up");
  length_ = end_ = done.end;
  writeback_begun_ = end_;
  return {};
}

Result<void> PartFile::copy_from(int file, std::uint64_t bytes, const std::atomic<bool>& stop) {
  std::vector<std::byte> block(kReadBytes);
  while (end_ < bytes && !stop) {
    const DataExtent data = data_from(file, end_, bytes);
    for (bool skipped = data.begin == end_; !skipped && !stop;) {
      TRY_ASSIGN(skipped, skip_to(data.begin));
    }
    while (end_ < data.end && !stop) {
      const std::uint64_t most = std::min<std::uint64_t>(block.size(), data.end - end_);
      const ssize_t got = read_at(file, MutableBytes(block).first(most), end_);
      if (got < 0) return fail(trouble(errno, "reading the old content of"));
      if (got == 0) return fail(ErrorCode::kSourceChanged, quoted(shown_) + " was cut meanwhile; send it again");
      TRY(append(Bytes(block).first(static_cast<std::size_t>(got))));
    }
  }
  return {};
}

Result<void> PartFile::restart() {
  writeback_.reset();
  if (!set_length(fd_.get(), 0)) return fail(trouble(errno, "emptying"));
  content_ = ContentHash();
  end_ = length_ = writeback_begun_ = 0;
  return {};
}

Result<bool> PartFile::skip_to(std::uint64_t offset) {
  static constexpr std::array<std::byte, 64 << 10> kZeros{};
  FARHAND_ASSERT(offset >= end_);
  if (length_ < offset) {
    // What the file system cannot hold is refused before anything is counted.
    if (!set_length(fd_.get(), offset)) return fail(trouble(errno, "enlarging"));
    length_ = offset;
  }
  const std::uint64_t stop = end_ + std::min(kSkipStep, offset - end_);
  while (end_ < stop) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(kZeros.size(), stop - end_));
    content_.add(Bytes(kZeros).first(step));
    end_ += step;
  }
  return end_ == offset;
}

Result<void> PartFile::append(Bytes bytes) {
  if (bytes.size() > static_cast<std::uint64_t>(INT64_MAX) - end_) return fail(trouble(EFBIG, "writing"));
  if (!write_all_at(fd_.get(), bytes, end_)) return fail(trouble(errno, "writing"));
  content_.add(bytes);
  end_ += bytes.size();
  length_ = std::max(length_, end_);
  if (end_ - writeback_begun_ >= kWritebackStep && (!writeback_ || writeback_->done())) begin_writeback();
  return {};
}

// On a helper, since even asking may wait for the disk. A head start only: the sync is what counts, and it is checked.
void PartFile::begin_writeback() {
  const auto from = static_cast<off64_t>(writeback_begun_);
  const auto length = static_cast<off64_t>(end_ - writeback_begun_);
  writeback_begun_ = end_;
  writeback_ = std::make_unique<BackgroundTask>(
      [fd = fd_.get(), from, length] { ::sync_file_range(fd, from, length, SYNC_FILE_RANGE_WRITE); });
}

PartFile::Detached PartFile::detach() {
  return {std::exchange(name_, {}), std::move(fd_), directory_, resumable_, std::move(writeback_)};
}

}  // namespace farhand
