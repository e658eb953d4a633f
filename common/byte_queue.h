// ByteQueue: a queue of bytes in one contiguous piece of memory, which holds no memory while it is empty and released.
//
//      [ consumed | view(): size() bytes | room, handed out by prepare() ]
//
// Pointers into it are good until the next prepare(), consume() or release().
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>

#include "common/bytes.h"
#include "common/check.h"

namespace farhand {

class ByteQueue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] Bytes view() const noexcept { return {memory_.get() + begin_, size()}; }

  // Room for `count` bytes behind what is there. What is written to it counts once commit() has been called.
  [[nodiscard]] MutableBytes prepare(std::size_t count) {
    if (capacity_ - end_ < count) make_room(count);
    return {memory_.get() + end_, count};
  }
  void commit(std::size_t count) noexcept {
    FARHAND_ASSERT(count <= capacity_ - end_);
    end_ += count;
  }

  void append(Bytes bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  void consume(std::size_t count) noexcept {
    FARHAND_ASSERT(count <= size());
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Gives the memory back if the queue is empty and has grown beyond `keep` bytes.
  void release(std::size_t keep = 0) noexcept {
    if (!empty() || capacity_ <= keep) return;
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void make_room(std::size_t count) {
    const std::size_t held = size();
    if (capacity_ < held + count) {
      // Grown to what is asked for and not by doubling: callers ask in units of their own, and few of them.
      const std::size_t larger = held + count;
      auto memory = std::make_unique_for_overwrite<std::byte[]>(larger);
      if (held > 0) std::memcpy(memory.get(), memory_.get() + begin_, held);
      memory_ = std::move(memory);
      capacity_ = larger;
    } else if (held > 0) {
      std::memmove(memory_.get(), memory_.get() + begin_, held);
    }
    begin_ = 0;
    end_ = held;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace farhand
