// StopSwitch: how one thread ends another's serving loop and waits for that end.
//
// A request to stop that comes when no loop runs is kept for the next loop, as in Python, so that a thread that is
// about to serve cannot miss it.
//
// Threads: any for stop() and stop_running(), and signal handlers for request(); one loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "common/event_fd.h"
#include "common/export.h"

namespace socketserver {

class FARHAND_API StopSwitch {
 public:
  // Readable once the loop should end.
  [[nodiscard]] int fd() const noexcept { return wake_.fd(); }
  [[nodiscard]] bool stopped() const noexcept { return stop_requested_; }
  // For a loop that was woken and finds itself not stopped: a request() came while another loop was ending, which took
  // it for its own, and rang only afterwards.
  void calm() noexcept;

  // Ends the loop, now or the next one, and waits for the end unless no loop runs or this is its own thread.
  void stop();
  // Asks for the end of the loop, now or the next one, without waiting. Async-signal-safe.
  void request() noexcept;
  // As stop() for a loop that runs now; without one nothing happens.
  void stop_running();

  // In a forked child: the descriptor is the parent's, and is let go of. Later requests reach this process alone.
  void leave_to_parent() noexcept;

  // Marks the time from entering a loop to leaving it, also by an exception.
  class Loop {
   public:
    explicit Loop(StopSwitch& owner);  // throws std::logic_error if a loop runs already
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

   private:
    StopSwitch& switch_;
  };

 private:
  void request_and_wait(std::unique_lock<std::mutex>& lock);

  farhand::EventFd wake_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::atomic<bool> stop_requested_ = false;  // lock-free: a signal handler sets it
  bool running_ = false;
  std::thread::id runner_;
  std::uint64_t loops_ended_ = 0;  // tells the end of the loop waited for from the start of the next
};

}  // namespace socketserver
