// StopSwitch: how one thread ends another's serving loop and waits for that end.
//
// A request to stop that comes when no loop runs is kept for the next loop, as in Python, so that a thread that is
// about to serve cannot miss it.
//
// Threads: any for stop() and stop_running(); one loop at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "common/event_fd.h"

namespace socketserver {

class StopSwitch {
 public:
  // Readable once the loop should end.
  [[nodiscard]] int fd() const noexcept { return wake_.fd(); }
  [[nodiscard]] bool stopped() const;

  // Ends the loop, now or the next one, and waits for the end unless no loop runs or this is its own thread.
  void stop();
  // The same for a loop that runs now; without one nothing happens.
  void stop_running();

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
  bool stop_requested_ = false;
  bool running_ = false;
  std::thread::id runner_;
  std::uint64_t loops_ended_ = 0;  // tells the end of the loop waited for from the start of the next
};

}  // namespace socketserver
