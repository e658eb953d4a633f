// Whole-buffer file and pipe calls: EINTR is retried, short counts are completed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

// Reads up to into.size() bytes once, retrying EINTR. The count, 0 at the end of the file, or -1 with errno set.
ssize_t read_some(int fd, MutableBytes into) noexcept;
ssize_t write_some(int fd, Bytes from) noexcept;

// Writes everything to a blocking descriptor at its current offset; false with errno set on failure.
bool write_all(int fd, Bytes from) noexcept;

// The same at an offset of a file, whose own stays as it is (pread, pwrite).
ssize_t read_at(int fd, MutableBytes into, std::uint64_t offset) noexcept;
bool write_all_at(int fd, Bytes from, std::uint64_t offset) noexcept;

// Until `into` is full or the file ends: the count, or -1 with errno set.
ssize_t read_all_at(int fd, MutableBytes into, std::uint64_t offset) noexcept;

// A whole small regular file, at most `limit` bytes (kFileTrouble beyond); kNotRegular for anything else, which is
// never waited for. For configuration, keys, test data.
Result<std::string> read_small_file(const std::string& path, std::size_t limit);

// Adds O_NONBLOCK to the open file description. Throws std::system_error.
void set_nonblocking(int fd);

}  // namespace farhand
