// StripeQueue: stretches of large files that are to be carried, shared out to whoever asks, and taken over from whoever
// is lost. It carries nothing.
//
//   add -> [ waiting ] -- take --> under way -- done --> gone
//               ^                     |
//               '----- give_back -----'            drop: a file's that wait are gone too
//
// Threads: any, at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>

#include "common/event_fd.h"

namespace farhand {

class StripeQueue {
 public:
  struct Stripe {
    std::size_t file = 0;  // whose it is: the caller's number
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  // All of a file, in stretches of `bytes` and a last one of what is left.
  void add(std::size_t file, std::uint64_t size, std::uint64_t bytes);

  // The next one; nothing while none waits, which may change as long as not all is over.
  std::optional<Stripe> take();
  void done();
  void give_back(const Stripe& stripe);
  // It is under way, and cannot be carried by anybody, and the others of its file neither.
  void drop(const Stripe& stripe);

  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] bool over() const;  // none waits, and none is under way

  // Rung whenever one that was under way has ended, however it did; whoever waits clears it before it looks.
  [[nodiscard]] EventFd& news() noexcept { return news_; }

 private:
  mutable std::mutex lock_;  // all that follows, but news_
  std::deque<Stripe> waiting_;
  std::size_t under_way_ = 0;
  std::set<std::size_t> dropped_;
  EventFd news_;
};

}  // namespace farhand
