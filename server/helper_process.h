// HelperProcess: a child that this process has forked for one purpose, known by its pidfd from the start.
//
// Ownership: the child: killed and collected at the latest when this goes.
// Threads:   one, and no other in the process while it forks: what the child then does is not safe beside threads.
// Errors:    fork() throws std::system_error, and std::logic_error beside threads; no child is left then.
#pragma once

#include <sys/types.h>

#include "common/deadline.h"
#include "common/unique_fd.h"

namespace farhand {

class HelperProcess {
 public:
  struct End {
    int signal = 0;  // that ended it, of itself; 0: none, or it was overdue and we killed it
    int status = 0;  // with which it ended, if nothing killed it
    bool overdue = false;
  };

  HelperProcess() = default;
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;
  ~HelperProcess();

  // Whether this is the child.
  bool fork();

  // Waits until it has ended, collects it, and kills it if that takes too long. Once: then it says the same again.
  End collect(Deadline deadline) noexcept;

  [[nodiscard]] int fd() const noexcept { return pidfd_.get(); }  // readable: it has ended

 private:
  void reap() noexcept;
  void kill() const noexcept;

  pid_t pid_ = -1;  // while it is not collected, so the number is its own
  UniqueFd pidfd_;
  End end_;
};

// Waits until one of the two has ended. Whether it was the first.
bool first_ends_first(const HelperProcess& first, const HelperProcess& second);

}  // namespace farhand
