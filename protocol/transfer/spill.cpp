// Spill over O_TMPFILE.
#include "protocol/transfer/spill.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/check.h"
#include "common/file_io.h"
#include "protocol/transfer/part_file.h"

namespace farhand {
namespace {

constexpr std::size_t kWriteBytes = 64 << 10;
constexpr std::size_t kWindowBytes = 256 << 10;
constexpr std::size_t kFrameBytes = 2 + 1;  // before a name

// Where the file system has no files without a name, one that loses it at once; the directory's times stay.
UniqueFd make_nameless(int directory) {
  UniqueFd file(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  struct stat status {};
  if (file || ::fstat(directory, &status) != 0) return file;
  const std::string name = random_part_name();
  file = UniqueFd(::openat(directory, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
  const int error = errno;
  if (file) {
    ::unlinkat(directory, name.c_str(), 0);
    const timespec times[2] = {{0, UTIME_OMIT}, status.st_mtim};
    std::ignore = ::futimens(directory, times);
  }
  errno = error;
  return file;
}

std::size_t length_at(std::string_view bytes) {
  std::uint16_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length;
}

}  // namespace

// Memory is the last resort: where one may not write, or the disk is full.
Spill::Spill(int directory) : file_(make_nameless(directory)) {
  if (!file_) file_ = UniqueFd(::memfd_create("farhand-names", MFD_CLOEXEC));
  if (!file_) error_ = errno;
}

void Spill::put(std::string_view name, char mark) {
  FARHAND_ASSERT(name.size() <= UINT16_MAX);
  const auto length = static_cast<std::uint16_t>(name.size());
  char bytes[sizeof length];
  std::memcpy(bytes, &length, sizeof length);
  unwritten_.append(bytes, sizeof bytes).push_back(mark);
  unwritten_.append(name);
  ++count_;
  if (unwritten_.size() >= kWriteBytes) flush();
}

void Spill::flush() {
  if (error_ == 0 && !write_all_at(file_.get(), bytes_of(unwritten_), written_)) error_ = errno;
  if (error_ == 0) written_ += unwritten_.size();
  unwritten_.clear();
}

Spill::Reader::Reader(Spill& spill) : spill_(spill) {
  spill.flush();
}

// The range comes into the window, with more behind it.
bool Spill::Reader::load(std::uint64_t from, std::size_t bytes) {
  if (from >= window_at_ && from + bytes <= window_at_ + window_.size()) return true;
  const std::uint64_t end = std::min(from + kWindowBytes, spill_.written_);
  window_.resize(end - from);
  window_at_ = from;
  const ssize_t got = read_all_at(spill_.file_.get(), std::as_writable_bytes(std::span(window_)), from);
  if (got < 0 || static_cast<std::size_t>(got) < window_.size()) {
    spill_.error_ = got < 0 ? errno : EIO;
    return false;
  }
  return from + bytes <= window_at_ + window_.size();
}

std::optional<Spill::Name> Spill::Reader::next() {
  if (spill_.error_ != 0 || at_ == spill_.written_) return std::nullopt;
  if (!load(at_, kFrameBytes)) return std::nullopt;
  const std::size_t whole = kFrameBytes + length_at(std::string_view(window_).substr(at_ - window_at_));
  if (!load(at_, whole)) return std::nullopt;
  const std::string_view frame = std::string_view(window_).substr(at_ - window_at_, whole);
  at_ += whole;
  return Name{frame.substr(kFrameBytes), frame[2]};
}

}  // namespace farhand
