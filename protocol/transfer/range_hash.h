// Hashes a stretch of an opened file, for helpers: it can be told to stop, and does not read what is a hole.
//
// Threads: any; nothing is shared but `stop`.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>

#include "common/hash.h"

namespace farhand {

// Where data is next, at `at` or behind it, and where it ends; both at most `until`. A hole is before.
struct DataExtent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
DataExtent data_from(int fd, std::uint64_t at, std::uint64_t until);

// Whether hashing what is a hole of a file would take minutes: such a file is not compared.
bool has_too_many_zeros(const struct stat& status) noexcept;

struct HashedRange {
  std::uint64_t end = 0;  // below `until` if the file ended there, or if it failed or was told to stop
  int error = 0;          // errno
};

// Adds what stands from `from` to `until`; not more, whatever the file grows to. What is a hole by SEEK_DATA is hashed
// as the zeros that it is, at the processor's speed, and takes nothing of the page cache. Looks at `stop` some thousand
// times a second.
HashedRange hash_range(int fd, std::uint64_t from, std::uint64_t until, ContentHash& hash,
                       const std::atomic<bool>& stop);

}  // namespace farhand
