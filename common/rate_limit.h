// RateLimit: so many bytes a second, as a token bucket. It counts and never waits; the time is told to it.
//
//   limit.allowance(now) ---> send at most so much ---> limit.spent(what was sent)
//            ^ 0                                                  |
//            '------- wait until limit.next() <-------------------'
//
// Evenly: the bucket is worth asking for once it holds 10 ms of the rate (at most a piece of 64 KiB), so that a limited
// transfer neither wakes for single bytes nor comes in gusts. It begins with that much, and within any second of steady
// sending is 2 % off at most. After a pause it has saved up 100 ms of the rate, or one piece where that is more.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/deadline.h"

namespace farhand {

class RateLimit {
 public:
  using Time = Deadline::Clock::time_point;

  static constexpr std::size_t kPiece = 64 << 10;             // bytes that are always sent in one go: four TLS records
  static constexpr std::uint64_t kFastest = 100'000'000'000;  // beyond any link; what is more is this

  // From 1 byte a second, which is also what 0 is taken for, to kFastest.
  explicit RateLimit(std::uint64_t bytes_per_second) noexcept;

  // How much may be sent now; 0 as long as it would not be worth a write.
  std::uint64_t allowance(Time now) noexcept;

  // So much has been sent. More than was allowed is a debt, which is paid before anything else is allowed.
  void spent(std::uint64_t bytes) noexcept;

  // When there is an allowance, as of what allowance() was last told; a moment that has passed if there is one already.
  // A day ahead at most, so a caller asks allowance() again, as after every wait.
  [[nodiscard]] Deadline next() const noexcept;

 private:
  double rate_;     // bytes a second
  double worth_;    // the least allowance
  double most_;     // what is saved up
  double bytes_;    // what may be sent; negative: a debt
  Time counted_{};  // the moment up to which bytes_ holds
};

}  // namespace farhand
