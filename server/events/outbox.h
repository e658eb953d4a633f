// Outbox: what is queued for one peer: pieces of memory and of files, in order.
//
//   [ bytes, partly sent | bytes | file from offset, n left | bytes ... ]
//
// It exists only while something is queued (a connection at rest holds none), and each piece is freed when it is sent.
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/bytes.h"
#include "common/unique_fd.h"

namespace events {

class Outbox {
 public:
  struct Sent {
    std::size_t bytes = 0;
    int error = 0;            // errno: EAGAIN when the kernel has no room
    bool short_file = false;  // a file ended before what was promised of it
  };

  void append(farhand::Bytes bytes);
  void append_file(farhand::UniqueFd file, std::uint64_t offset, std::uint64_t length_bytes);

  // Sends once, at most about `most` bytes, without waiting and without SIGPIPE. Not when empty.
  Sent send(int socket, std::size_t most) noexcept;

  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  // in memory
  [[nodiscard]] std::size_t files() const noexcept { return files_; }

 private:
  struct Piece {
    std::vector<std::byte> bytes;  // unused for a file
    std::size_t sent = 0;
    farhand::UniqueFd file;
    off_t offset = 0;
    std::uint64_t left = 0;
  };

  Sent send_bytes(int socket, std::size_t most) noexcept;
  Sent send_from_file(int socket, std::size_t most) noexcept;
  Sent copy_from_file(int socket, std::size_t most) noexcept;
  Sent sent_of_file(std::size_t count) noexcept;
  void consume(std::size_t count) noexcept;

  std::deque<Piece> pieces_;
  std::size_t bytes_ = 0;
  std::size_t files_ = 0;
};

}  // namespace events
