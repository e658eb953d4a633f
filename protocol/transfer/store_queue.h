// StoreQueue: finished files wait here for the next StoreBatch. One is under way at a time, on a helper; what comes
// meanwhile makes up the next. While more comes, the next waits for as long again as the last one took, or until it is
// worth it: so a slow disk, which each batch stops for everybody, makes larger batches, and a single file waits for
// nothing.
//
// Ownership: borrows the base. Waits for the batch under way when it goes, and removes what has not been named.
// Threads:   one at a time. Errors: in the results; what the helper threw comes out of turn() and drain().
#pragma once

#include <deque>
#include <memory>

#include "common/deadline.h"
#include "protocol/transfer/store_batch.h"

namespace farhand {

class StoreQueue {
 public:
  StoreQueue(const RootedDirectory& base, StoreRules rules) : base_(base), rules_(std::move(rules)) {}
  StoreQueue(const StoreQueue&) = delete;
  StoreQueue& operator=(const StoreQueue&) = delete;
  ~StoreQueue();

  // Something will be written into this directory. Called before.
  void watch(const SharedDirectory& directory);
  void add(StoreItem item);
  // What would have been stored under this path failed elsewhere: no hard link is made to what is there instead.
  void mark_failed(const std::string& path);

  // So much waits that no more should come for now.
  [[nodiscard]] bool behind() const noexcept;
  [[nodiscard]] bool idle() const noexcept { return !task_ && waiting_.empty(); }
  [[nodiscard]] int fd() const noexcept { return task_ ? task_->fd() : -1; }  // readable when turn() has news

  // Collects what has been done, and starts on what waits; `more_comes`: unless that is too little yet.
  std::vector<StoreResult> turn(bool more_comes = false);
  // When to take the next turn although nothing else has happened.
  [[nodiscard]] Deadline next_turn() const noexcept;
  // Waits until all is done.
  std::vector<StoreResult> drain();

  // Waits until all that was changed on the file systems that are watched is durable; 0 or errno. For a helper.
  [[nodiscard]] int sync_all() const;

 private:
  [[nodiscard]] bool is_worth_it() const noexcept;
  void start();
  void collect(std::vector<StoreResult>& into);

  const RootedDirectory& base_;
  StoreRules rules_;
  SyncPoints points_;
  SharedDirectory watched_;
  std::set<std::string> failed_;
  std::deque<StoreItem> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  std::size_t waiting_open_ = 0;               // descriptors of parts
  std::size_t waiting_directories_ = 0;        // and of their directories
  Deadline::Clock::time_point begun_{};        // of the last batch
  Deadline::Clock::time_point holds_until_{};  // for the next
  std::unique_ptr<StoreBatch> batch_;
  std::unique_ptr<BackgroundTask> task_;  // last: it uses batch_
};

}  // namespace farhand
