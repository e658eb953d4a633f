// TreeListing: a TreeWalk carried out by helper threads, its files hashed where that is asked for, so that the thread
// of a connection goes on answering while disks are slow. Entries come out in the walk's order.
//
//   helper: next(), open_file()  -->  [ slot | slot | slot ... ]  -->  take()
//           read and hash, outside of the lock      settled from the front on
//
// Two helpers hash, one file each, while one of them walks on now and then: what is open at once is two files, and what
// waits is at most kMostAhead entries.
//
// Ownership: owns the walk and its threads; the destructor tells them to stop, and waits for a read that is under way.
// Threads:   take(), ended() and the destructor on the owner's thread.
// Errors:    what cannot be read is a Trouble, and its entry has no hash. take() throws what a helper threw.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/background.h"
#include "common/event_fd.h"
#include "common/unique_fd.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {

class TreeListing {
 public:
  TreeListing(TreeWalk walk, bool hash);  // throws std::system_error when no thread can be had
  TreeListing(const TreeListing&) = delete;
  TreeListing& operator=(const TreeListing&) = delete;
  ~TreeListing();

  struct Part {
    std::vector<Entry> entries;
    std::vector<Trouble> troubles;
    [[nodiscard]] bool empty() const noexcept { return entries.empty() && troubles.empty(); }
  };
  // What is ready, up to about `most_bytes` as it is encoded; empty: wait for fd(), unless ended().
  Part take(std::size_t most_bytes);
  [[nodiscard]] int fd() const noexcept { return ready_.fd(); }
  // Everything has been taken.
  [[nodiscard]] bool ended();

 private:
  // An entry, or what went wrong on the way to it, or both.
  struct Slot {
    bool has_entry = false;
    Entry entry;
    std::string shown;  // of a file that is to be hashed
    UniqueFd file;
    std::vector<Trouble> troubles;
    bool settled = false;
  };
  static constexpr std::size_t kMostAhead = 1024;

  void work();
  Slot* next_slot();
  bool wait_for_room();
  void open(Slot& slot);
  void settle(Slot& slot);
  void stop() noexcept;
  void signal();

  TreeWalk walk_;
  const bool hash_;
  std::mutex walking_;  // guards walk_ and walked_; taken before queue_
  bool walked_ = false;

  std::mutex queue_;  // guards what follows
  std::condition_variable room_;
  std::deque<Slot> slots_;  // a slot stays where it is until it is settled
  std::size_t working_ = 0;
  bool signalled_ = false;

  std::atomic<bool> stopping_{false};
  EventFd ready_;
  std::vector<std::unique_ptr<BackgroundTask>> helpers_;  // last: they use all of the above
};

}  // namespace farhand
