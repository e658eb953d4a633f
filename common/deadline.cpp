// Deadline's arithmetic for poll(2).
#include "common/deadline.h"

#include <algorithm>

namespace farhand {

int Deadline::poll_timeout() const noexcept {
  if (when_ == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when_ - Clock::now()).count();
  constexpr decltype(left) kLongest = 3'600'000;  // an hour: far below int's limit; the caller loops anyway
  return static_cast<int>(std::clamp<long>(left, 0, kLongest));
}

}  // namespace farhand
