// SharedCell: a value that is replaced as a whole while others use the one before.
//
// Threads: any, at once. std::atomic<std::shared_ptr> would be the same, but GCC 12's lets a load and a store race.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace farhand {

template <typename Value>
class SharedCell {
 public:
  explicit SharedCell(std::shared_ptr<Value> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<Value> load() const {
    const std::lock_guard guard(lock_);
    return value_;
  }

  // The value before ends outside the lock, if nobody else has it.
  void store(std::shared_ptr<Value> value) {
    const std::lock_guard guard(lock_);
    value_.swap(value);
  }

 private:
  mutable std::mutex lock_;
  std::shared_ptr<Value> value_;
};

}  // namespace farhand
