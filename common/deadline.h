// Deadline: an absolute moment on the steady clock, so that no jump of the wall clock and no trickle of bytes moves it.
#pragma once

#include <chrono>

#include "common/export.h"

namespace farhand {

class FARHAND_API Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() noexcept { return Deadline(Clock::time_point::max()); }
  static Deadline at(Clock::time_point when) noexcept { return Deadline(when); }
  static Deadline after(Clock::duration duration) noexcept { return Deadline(Clock::now() + duration); }

  [[nodiscard]] bool passed() const noexcept { return when_ != Clock::time_point::max() && Clock::now() >= when_; }
  [[nodiscard]] Clock::time_point when() const noexcept { return when_; }

  // Milliseconds for poll(2), rounded up so that a wait never ends just before the deadline; -1 for never.
  [[nodiscard]] int poll_timeout() const noexcept;

  [[nodiscard]] static Deadline earlier(Deadline a, Deadline b) noexcept { return a.when_ < b.when_ ? a : b; }

 private:
  explicit Deadline(Clock::time_point when) noexcept : when_(when) {}
  Clock::time_point when_;
};

}  // namespace farhand
