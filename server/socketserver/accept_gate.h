// AcceptGate: one descriptor that is readable exactly when a server has something to do.
//
//   listening socket --(only while open)--+
//   timer: a shortage's pause is over ----+--> epoll set --> fd()
//   event: a request ended, room again ---+
//   requests that ended elsewhere --------+    (children; only if there is such a descriptor)
//
// A server that is full, or a process that is out of descriptors, leaves newcomers in the kernel's queue; the listening
// socket then stays readable, and a loop that polls it would spin. Behind the gate it is not seen until there is a
// point.
//
// Threads: the serving thread, except resume().
#pragma once

#include <atomic>
#include <chrono>

#include "common/event_fd.h"
#include "common/export.h"
#include "common/unique_fd.h"

namespace socketserver {

class FARHAND_API AcceptGate {
 public:
  // Opens the gate over `listening_fd` and, unless it is -1, `ended_fd`, which makes it readable even during a pause.
  // Both are borrowed until close(). Throws std::system_error.
  void watch(int listening_fd, int ended_fd = -1);
  void close() noexcept;
  // In a forked child: lets go of everything that the parent shares, without touching it. watch() may not follow.
  void leave_to_parent() noexcept;

  // To be polled for reading. -1 before watch() and after close(). Readable: call ready().
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  // Whether accepting may be tried now. Ends a pause that is over.
  bool ready();
  // Accepting was tried and nobody was there: forgets a resume() that came too late for its pause and would otherwise
  // keep the gate readable.
  void calm();

  void pause();                                    // until resume()
  void pause_for(std::chrono::milliseconds most);  // until then, or resume()
  void resume() noexcept;                          // from any thread: ends a pause; costs nothing when there is none

 private:
  void set_listening(bool seen);

  farhand::UniqueFd epoll_;
  farhand::UniqueFd timer_;
  farhand::EventFd resumed_;
  int listening_fd_ = -1;
  std::atomic<bool> paused_ = false;
};

}  // namespace socketserver
