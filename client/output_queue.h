// OutputQueue: text on its way to a descriptor that may be slow; whoever fills it stops while it is full.
//
// Threads: one.
#pragma once

#include <poll.h>

#include <string_view>

#include "client/local_stream.h"
#include "common/byte_queue.h"
#include "common/result.h"

namespace farhand {

class OutputQueue {
 public:
  explicit OutputQueue(int fd) : sink_(fd) {}

  void add(std::string_view text) { waiting_.append(bytes_of(text)); }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] bool full() const noexcept { return waiting_.size() >= kFull; }

  // Writes what is taken now. kCancelled: the reader has gone; else what write(2) says. What waits is dropped then.
  Result<void> write_some();

  [[nodiscard]] pollfd entry() const noexcept { return {empty() ? -1 : sink_.fd(), POLLOUT, 0}; }

 private:
  static constexpr std::size_t kFull = 256 << 10;  // some pipes full
  LocalSink sink_;
  ByteQueue waiting_;
};

}  // namespace farhand
