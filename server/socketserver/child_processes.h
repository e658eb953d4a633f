// ChildProcesses: forks, and collects its own children by pidfd: no SIGCHLD handler, and no other child of the program
// is ever waited for.
//
//   start: fork --> child: waits until it is known --> returns kChild
//               --> parent: pidfd --> epoll set --> "go" --> returns kParent
//                                        |
//   fd() is readable <-------------------+   while a child that ended is not yet collected
//
// The child waits so that a fork whose pidfd cannot be had is undone before it has done anything, and so that it cannot
// end before the pidfd names it, whatever the program does with SIGCHLD: with SIG_IGN the kernel collects, and the
// pidfd still tells the end.
//
// Ownership: the pidfds. The destructor neither waits nor kills; children not collected by then are the program's.
// Threads:   one.
// Errors:    std::system_error; start() then has left no child behind.
#pragma once

#include <unordered_map>
#include <vector>

#include "common/export.h"
#include "common/unique_fd.h"
#include "server/socketserver/address.h"

namespace socketserver {

class FARHAND_API ChildProcesses {
 public:
  enum class Side { kParent, kChild };
  struct Ended {
    int pidfd = -1;  // as start() gave it; closed, so a name only
    Address client;
    int signal = 0;  // that ended it; 0 if it ended by itself, or if somebody else has collected it
  };

  ChildProcesses();

  // Throws std::logic_error if the process has other threads (see ForkingOptions::beside_threads).
  static void require_one_thread();

  // Forks a child that serves `client`. In the parent last_started() is its pidfd, good until it is collected.
  [[nodiscard]] Side start(const Address& client);
  [[nodiscard]] int last_started() const noexcept { return last_started_; }

  std::vector<Ended> collect();      // those that have ended; never waits; perhaps not all: fd() then stays readable
  std::vector<Ended> collect_all();  // waits for every one

  [[nodiscard]] std::size_t running() const noexcept { return children_.size(); }  // not yet collected
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

  // In a forked child: the others are the parent's.
  void forget() noexcept;

 private:
  void remember(farhand::UniqueFd pidfd, const Address& client);
  // Whether it has ended.
  bool collect_one(int pidfd, int wait_flags, std::vector<Ended>& ended);

  struct Child {
    farhand::UniqueFd pidfd;
    Address client;
  };
  farhand::UniqueFd epoll_;
  int last_started_ = -1;
  std::unordered_map<int, Child> children_;  // by pidfd
};

}  // namespace socketserver
