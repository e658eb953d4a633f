// Whole-buffer reads and writes over read(2), write(2), pread(2) and pwrite(2).
#include "common/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/escape.h"
#include "common/unique_fd.h"

namespace farhand {

ssize_t read_some(int fd, MutableBytes into) noexcept {
  for (;;) {
    const ssize_t got = ::read(fd, into.data(), into.size());
    if (got >= 0 || errno != EINTR) return got;
  }
}

ssize_t write_some(int fd, Bytes from) noexcept {
  for (;;) {
    const ssize_t written = ::write(fd, from.data(), from.size());
    if (written >= 0 || errno != EINTR) return written;
  }
}

bool write_all(int fd, Bytes from) noexcept {
  while (!from.empty()) {
    const ssize_t written = write_some(fd, from);
    if (written < 0) return false;
    from = from.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

ssize_t read_at(int fd, MutableBytes into, std::uint64_t offset) noexcept {
  for (;;) {
    const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got >= 0 || errno != EINTR) return got;
  }
}

bool write_all_at(int fd, Bytes from, std::uint64_t offset) noexcept {
  while (!from.empty()) {
    const ssize_t written = ::pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    from = from.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

ssize_t read_all_at(int fd, MutableBytes into, std::uint64_t offset) noexcept {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = read_at(fd, into.subspan(have), offset + have);
    if (got < 0) return got;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

Result<std::string> read_small_file(const std::string& path, std::size_t limit) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail(errno_error(errno, quoted(path) + " cannot be read"));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kNotRegular, quoted(path) + " is not a regular file");
  }
  std::string text;
  std::array<std::byte, 4096> block;
  for (;;) {
    const ssize_t got = read_some(file.get(), block);
    if (got < 0) return fail(errno_error(errno, quoted(path) + " cannot be read"));
    if (got == 0) return text;
    if (static_cast<std::size_t>(got) > limit - text.size()) {
      return fail(ErrorCode::kFileTrouble, quoted(path) + " is longer than " + std::to_string(limit) + " bytes");
    }
    text += text_of(Bytes(block).first(static_cast<std::size_t>(got)));
  }
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw_errno("fcntl");
}

}  // namespace farhand
