// StripeQueue: a deque behind a lock.
#include "client/commands/stripe_queue.h"

#include <algorithm>

namespace farhand {

void StripeQueue::add(std::size_t file, std::uint64_t size, std::uint64_t bytes) {
  const std::lock_guard guard(lock_);
  for (std::uint64_t offset = 0; offset < size;) {
    const std::uint64_t length = std::min(bytes, size - offset);
    waiting_.push_back({file, offset, length});
    offset += length;
  }
}

std::optional<StripeQueue::Stripe> StripeQueue::take() {
  const std::lock_guard guard(lock_);
  if (waiting_.empty()) return std::nullopt;
  const Stripe first = waiting_.front();
  waiting_.pop_front();
  ++under_way_;
  return first;
}

void StripeQueue::done() {
  const std::lock_guard guard(lock_);
  --under_way_;
  news_.ring();
}

// It is the next one: its file is to be whole early.
void StripeQueue::give_back(const Stripe& stripe) {
  const std::lock_guard guard(lock_);
  --under_way_;
  if (dropped_.count(stripe.file) == 0) waiting_.push_front(stripe);
  news_.ring();
}

void StripeQueue::drop(const Stripe& stripe) {
  const std::lock_guard guard(lock_);
  --under_way_;
  dropped_.insert(stripe.file);
  std::erase_if(waiting_, [&](const Stripe& other) { return other.file == stripe.file; });
  news_.ring();
}

std::size_t StripeQueue::waiting() const {
  const std::lock_guard guard(lock_);
  return waiting_.size();
}

bool StripeQueue::over() const {
  const std::lock_guard guard(lock_);
  return waiting_.empty() && under_way_ == 0;
}

}  // namespace farhand
