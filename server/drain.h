// Drain: how a stopping server tells its sessions, in threads or in processes of their own. Two descriptors that are
// only ever rung, never cleared, so that every poll that watches one wakes.
//
// Threads: rung by the main thread, watched by all.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "common/event_fd.h"
#include "common/result.h"

namespace farhand {

// A pipe whose only writing end is closed to ring it: a forked process, of whatever user, hears it and cannot ring it.
class Bell {
 public:
  Bell() : Bell(make_pipe()) {}  // throws std::system_error

  void ring() noexcept { writing_.reset(); }
  void leave_to_parent() noexcept { writing_.reset(); }  // in a forked child: only its copy goes

  [[nodiscard]] const EventFd& heard() const noexcept { return heard_; }
  [[nodiscard]] int fd() const noexcept { return heard_.fd(); }
  [[nodiscard]] bool rung() const noexcept { return heard_.rung(); }

 private:
  static std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
    return ends;
  }
  explicit Bell(std::array<int, 2> ends) noexcept : heard_(UniqueFd(ends[0])), writing_(ends[1]) {}

  EventFd heard_;
  UniqueFd writing_;
};

struct Drain {
  Bell stop;   // no new requests: idle sessions leave, running requests end in their own time
  Bell abort;  // running requests end now

  void leave_to_parent() noexcept {
    stop.leave_to_parent();
    abort.leave_to_parent();
  }
};

}  // namespace farhand
