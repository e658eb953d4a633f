// BackgroundTask: runs one function on a thread of its own and signals a descriptor when it is done, so that a slow
// disk (fsync, hashing a long prefix) leaves the connection's thread free to answer.
//
// Ownership: the task must outlive nothing that its function borrows: the destructor waits for the function to end.
// Threads:   start and finish on the owner's thread; only the function runs elsewhere.
// Errors:    an exception that leaves the function comes out of finish().
#pragma once

#include <exception>
#include <functional>
#include <thread>

#include "common/event_fd.h"

namespace farhand {

class BackgroundTask {
 public:
  // Starts `work` at once. Throws std::system_error when no thread can be had.
  explicit BackgroundTask(std::function<void()> work);
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  ~BackgroundTask();

  [[nodiscard]] int fd() const noexcept { return done_.fd(); }  // readable once the work has ended
  [[nodiscard]] bool done() const noexcept { return done_.rung(); }
  void finish();  // waits for the end, and throws what the work threw

 private:
  EventFd done_;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace farhand
