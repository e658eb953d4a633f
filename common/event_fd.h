// EventFd: a descriptor that becomes readable when somebody rings it. It wakes a poll from another thread.
//
// Threads: ring() may be called from any thread and from a signal handler.
#pragma once

#include <utility>

#include "common/export.h"
#include "common/unique_fd.h"

namespace farhand {

class FARHAND_API EventFd {
 public:
  EventFd();  // throws std::system_error
  // Rung once `other` is readable or its far end is closed. Nobody else can ring or clear it.
  explicit EventFd(UniqueFd other) noexcept : fd_(std::move(other)) {}

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void ring() noexcept;   // readable from now on
  void clear() noexcept;  // not readable until the next ring
  [[nodiscard]] bool rung() const noexcept;

 private:
  UniqueFd fd_;
};

}  // namespace farhand
