// pread(2) between the holes that lseek(2) tells.
#include "protocol/transfer/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "common/escape.h"
#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::uint32_t kPermissionBits = 0777;  // set-id and sticky bits never travel
constexpr std::uint64_t kBlockBytes = 512;       // st_blocks counts these, whatever the file system's own are
// A hole is hashed in stretches of a few milliseconds, so that whoever asks can answer pings in between.
constexpr std::uint64_t kPassedAtOnce = 16 << 20;
constexpr std::uint64_t kWithoutEnd = UINT64_MAX;

Error not_a_file(mode_t mode, const std::string& shown) {
  if (S_ISDIR(mode)) return Error{ErrorCode::kIsDirectory, quoted(shown) + " is a directory by now", false};
  return Error{ErrorCode::kNotRegular, quoted(shown) + " is not a regular file", false};
}

}  // namespace

Result<FileReader> FileReader::begin(UniqueFd file, std::string shown) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(errno_error(errno, quoted(shown) + " cannot be looked at"));
  if (!S_ISREG(status.st_mode)) return fail(not_a_file(status.st_mode, shown));
  const bool is_large = status.st_size > static_cast<off_t>(kMaxByteFrame);
  if (is_large) ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // advice only: its failure changes nothing
  return FileReader(std::move(file), std::move(shown), status);
}

FileReader::FileReader(UniqueFd file, std::string shown, const struct stat& status)
    : file_(std::move(file)),
      shown_(std::move(shown)),
      at_start_(status),
      // A file system that packs small files or compresses has fewer blocks too; asking for holes is only slower then.
      has_holes_(static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes < listed_bytes()),
      last_(listed_bytes()) {
  restart();
}

void FileReader::keep_to(std::uint64_t offset, std::uint64_t length) {
  first_ = offset;
  last_ = offset + length;
  restart();
}

void FileReader::restart() {
  limit_ = at_start_.st_size == 0 ? kWithoutEnd : last_;
  at_ = data_begin_ = first_;
  data_end_ = has_holes_ ? first_ : limit_;
}

bool FileReader::begins_with(std::uint64_t bytes, const HashValue& hash, const std::atomic<bool>& stop) {
  if (bytes > last_ - first_) return false;
  const std::uint64_t whole = limit_;
  limit_ = first_ + bytes;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, kPieceBytes));
  for (Next next = advance(); next != Next::kEnd && !stop; next = advance()) {
    if (next == Next::kData) read({buffer.data(), std::min(buffer.size(), piece_bytes())});
  }
  limit_ = whole;
  if (at_ == first_ + bytes && hash_.value() == hash) return true;
  restart();
  hash_ = ContentHash();
  return false;
}

FileReader::Next FileReader::advance() {
  if (at_end_ || read_error_ != 0 || at_ >= limit_) return Next::kEnd;
  if (at_ >= data_end_) find_extent();
  if (at_ >= data_begin_) return Next::kData;
  pass_hole();
  return Next::kPassing;
}

// Whatever lseek cannot tell is taken for data. A file that became shorter is noticed at its end.
void FileReader::find_extent() {
  const auto size = static_cast<off_t>(listed_bytes());
  const off_t begin = ::lseek(file_.get(), static_cast<off_t>(at_), SEEK_DATA);
  if (begin < 0) {
    data_begin_ = errno == ENXIO ? listed_bytes() : at_;  // ENXIO: nothing but a hole is left
    data_end_ = listed_bytes();
    return;
  }
  const off_t end = ::lseek(file_.get(), begin, SEEK_HOLE);
  data_begin_ = static_cast<std::uint64_t>(std::min(begin, size));
  data_end_ = static_cast<std::uint64_t>(end < 0 ? size : std::min(end, size));
}

void FileReader::pass_hole() {
  static constexpr std::array<std::byte, 64 << 10> kZeros{};
  const std::uint64_t until = std::min({data_begin_, limit_, at_ + kPassedAtOnce});
  while (at_ < until) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(until - at_, kZeros.size()));
    hash_.add(Bytes(kZeros).first(count));
    at_ += count;
  }
}

std::size_t FileReader::piece_bytes() const noexcept {
  const std::uint64_t left = std::min(data_end_, limit_) - at_;
  if (left <= kMaxByteFrame && limit_ <= kMaxByteFrame) return static_cast<std::size_t>(left);  // a small file at once
  return static_cast<std::size_t>(std::min<std::uint64_t>(left, kPieceBytes));
}

std::size_t FileReader::read(MutableBytes into) {
  const ssize_t got = read_at(file_.get(), into, at_);
  if (got <= 0) {
    at_end_ = true;
    if (got < 0) read_error_ = errno;
    return 0;
  }
  const auto count = static_cast<std::size_t>(got);
  hash_.add(into.first(count));
  at_ += count;
  return count;
}

bool FileReader::held_still(const struct stat& now) const {
  const bool same_time =
      now.st_mtim.tv_sec == at_start_.st_mtim.tv_sec && now.st_mtim.tv_nsec == at_start_.st_mtim.tv_nsec;
  return same_time && now.st_size == at_start_.st_size && (now.st_size == 0 || last_ == at_);
}

Seal FileReader::seal() const {
  Seal seal;
  seal.size = at_ - first_;
  seal.hash = hash_.value();
  struct stat now = at_start_;
  const bool looked = ::fstat(file_.get(), &now) == 0;
  seal.mode = now.st_mode & kPermissionBits;
  seal.modified_seconds = now.st_mtim.tv_sec;
  seal.modified_nanoseconds = static_cast<std::uint32_t>(now.st_mtim.tv_nsec);
  if (read_error_ != 0) {
    seal.outcome = SealOutcome::kFailed;
    seal.code = ErrorCode::kFileTrouble;
    seal.reason = "reading " + quoted(shown_) + " failed: " + errno_text(read_error_);
  } else if (!looked || !held_still(now)) {
    seal.outcome = SealOutcome::kFailed;
    seal.code = ErrorCode::kSourceChanged;
    seal.reason = quoted(shown_) + " changed while it was read, so nothing was stored; try again";
  }
  return seal;
}

}  // namespace farhand
