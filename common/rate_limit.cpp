// The token bucket's arithmetic. A double counts bytes exactly up to 2^53, and has no overflow on the way.
#include "common/rate_limit.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace farhand {
namespace {

using Seconds = std::chrono::duration<double>;
using Nanoseconds = std::chrono::nanoseconds;

constexpr double kWorthSeconds = 0.01;      // a hundred wake-ups a second: 1 % of a second is the most that is ahead
constexpr double kSavedSeconds = 0.1;       // what a late wake-up may make up for
constexpr double kLongestWait = 24 * 3600;  // seconds; far from the clock's end

}  // namespace

RateLimit::RateLimit(std::uint64_t bytes_per_second) noexcept
    : rate_(static_cast<double>(std::clamp<std::uint64_t>(bytes_per_second, 1, kFastest))),
      worth_(std::clamp(std::floor(rate_ * kWorthSeconds), 1.0, static_cast<double>(kPiece))),
      most_(std::max(rate_ * kSavedSeconds, static_cast<double>(kPiece))),
      bytes_(worth_) {}

std::uint64_t RateLimit::allowance(Time now) noexcept {
  if (counted_ == Time{}) counted_ = now;
  if (now > counted_) {
    bytes_ = std::min(most_, bytes_ + Seconds(now - counted_).count() * rate_);
    counted_ = now;
  }
  return bytes_ < worth_ ? 0 : static_cast<std::uint64_t>(bytes_);
}

void RateLimit::spent(std::uint64_t bytes) noexcept {
  bytes_ -= static_cast<double>(bytes);
}

Deadline RateLimit::next() const noexcept {
  if (bytes_ >= worth_) return Deadline::at(counted_);
  const double seconds = std::min((worth_ - bytes_) / rate_, kLongestWait);
  // One more than is needed: what was rounded never leaves a caller that comes on time with nothing.
  return Deadline::at(counted_ + Nanoseconds(static_cast<Nanoseconds::rep>(seconds * 1e9) + 1));
}

}  // namespace farhand
