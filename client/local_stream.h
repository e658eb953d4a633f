// LocalSink: standard output or error of the client, written without ever blocking, so that the connection is served
// while a reader is slow.
//
// The descriptor is shared with others (the shell, a pipeline), so O_NONBLOCK is never set on it: a pipe or terminal is
// opened anew through /proc/self/fd, which makes a description of our own; a socket is sent to with MSG_DONTWAIT; a
// regular file never blocks.
//
// Threads: one.
#pragma once

#include <cstdint>

#include "common/byte_queue.h"
#include "common/bytes.h"
#include "common/unique_fd.h"

namespace farhand {

class LocalSink {
 public:
  explicit LocalSink(int fd);

  // Takes what it can; -1 with errno EAGAIN when nothing can be taken now, EPIPE when the reader has gone.
  ssize_t write_some(Bytes bytes) noexcept;

  // The reader hears the end, if nobody else writes to where this leads; what is written afterwards is lost.
  void end() noexcept;

  // What to poll for writing.
  [[nodiscard]] int fd() const noexcept { return own_ ? own_.get() : fd_; }

 private:
  enum class Kind { kBlocking, kOwnDescription, kSocket, kFile };
  int fd_;
  UniqueFd own_;
  Kind kind_ = Kind::kBlocking;
};

}  // namespace farhand
