// FileSender: a file's bytes into a blocking socket by sendfile(2), without its SIGPIPE. What the kernel cannot send so
// (a file system that does not splice) is copied.
//
// Threads: one. The signal is kept from this thread alone and for the length of the call.
// Errors:  std::system_error: EPIPE or ECONNRESET when the peer is gone, ETIMEDOUT when nothing moved for the timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/deadline.h"

namespace socketserver {

class FileSender {
 public:
  FileSender(int socket, std::optional<std::chrono::milliseconds> timeout) noexcept
      : socket_(socket), timeout_(timeout) {}

  // Fewer than `count`, which it returns, only if the file ends before.
  std::uint64_t send(int file, std::uint64_t offset, std::uint64_t count) const;

 private:
  // 0: the file ended. Nothing: it has to be copied.
  [[nodiscard]] std::optional<std::uint64_t> send_some(int file, std::uint64_t offset, std::uint64_t count) const;

  // The same, always.
  [[nodiscard]] std::uint64_t copy_some(int file, std::uint64_t offset, std::uint64_t count) const;
  [[nodiscard]] farhand::Deadline deadline() const;

  int socket_;
  std::optional<std::chrono::milliseconds> timeout_;
};

}  // namespace socketserver
