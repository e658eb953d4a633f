// pread(2) between the holes that lseek(2) tells.
#include "protocol/transfer/range_hash.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "common/file_io.h"

namespace farhand {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
// Zeros are hashed at some 20 GB/s, so that these take a minute.
constexpr std::uint64_t kMostZeros = 1ULL << 40;
constexpr std::uint64_t kBlockBytes = 512;  // st_blocks counts these, whatever the file system's own are

// No hole is longer than what there is of the file.
std::uint64_t size_of(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  return size < 0 ? 0 : static_cast<std::uint64_t>(size);
}

// Gives where it stopped.
std::uint64_t hash_zeros(std::uint64_t from, std::uint64_t until, ContentHash& hash, const std::atomic<bool>& stop) {
  static constexpr std::array<std::byte, 64 << 10> kZeros{};
  while (from < until && !stop) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(kZeros.size(), until - from));
    hash.add(Bytes(kZeros).first(step));
    from += step;
  }
  return from;
}

}  // namespace

bool has_too_many_zeros(const struct stat& status) noexcept {
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto stored = static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
  return size > stored && size - stored > kMostZeros;
}

// Whatever lseek cannot tell is taken for data.
DataExtent data_from(int fd, std::uint64_t at, std::uint64_t until) {
  const off_t begin = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
  if (begin < 0) return errno == ENXIO ? DataExtent{until, until} : DataExtent{at, until};  // ENXIO: a hole to its end
  const off_t end = ::lseek(fd, begin, SEEK_HOLE);
  return {std::min(until, static_cast<std::uint64_t>(begin)),
          end < 0 ? until : std::min(until, static_cast<std::uint64_t>(end))};
}

HashedRange hash_range(int fd, std::uint64_t from, std::uint64_t until, ContentHash& hash,
                       const std::atomic<bool>& stop) {
  std::vector<std::byte> block(static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, until - from)));
  HashedRange done{from, 0};
  while (done.end < until && !stop) {
    const DataExtent data = data_from(fd, done.end, until);
    if (data.begin > done.end) {
      done.end = hash_zeros(done.end, std::max(done.end, std::min(data.begin, size_of(fd))), hash, stop);
    }
    while (done.end < data.end && !stop) {
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), data.end - done.end));
      const ssize_t got = read_at(fd, MutableBytes(block).first(most), done.end);
      if (got <= 0) return {done.end, got < 0 ? errno : 0};
      hash.add(Bytes(block).first(static_cast<std::size_t>(got)));
      done.end += static_cast<std::uint64_t>(got);
    }
  }
  return done;
}

}  // namespace farhand
