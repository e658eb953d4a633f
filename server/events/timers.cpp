// Timers over asio::steady_timer.
#include "server/events/timers.h"

#include <algorithm>
#include <utility>

#include "server/events/report.h"

namespace events {
namespace {

// So that no caller's "for ever" overflows the clock.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);

}  // namespace

std::weak_ptr<TimedCall> Timers::add(std::chrono::milliseconds delay, std::function<void()> call) {
  delay = std::clamp(delay, std::chrono::milliseconds(0), kLongest);
  auto made = std::make_shared<TimedCall>(TimedCall{*this, std::move(call)});
  // Equal times keep the order of asking: multimap inserts behind its equals.
  made->place = calls_.emplace(Clock::now() + delay, made);
  arm();
  return made;
}

void Timers::cancel(TimedCall& call) {
  if (!std::exchange(call.queued, false)) return;
  // An alarm that is set for it comes for nothing, once.
  const auto gone = calls_.extract(call.place);  // destroyed last: its captures may call in here
}

void Timers::clear() {
  const auto gone = std::exchange(calls_, {});
  for (const auto& [when, call] : gone) call->queued = false;
}

void Timers::arm() {
  if (calls_.empty() || armed_for_ <= calls_.begin()->first) return;
  armed_for_ = calls_.begin()->first;
  timer_.expires_at(armed_for_);
  timer_.async_wait([this](const std::error_code& error) {
    if (error) return;  // superseded by an earlier one
    armed_for_ = Clock::time_point::max();
    make_due_calls();
    arm();
  });
}

void Timers::make_due_calls() {
  const auto now = Clock::now();
  // Counted, so that calls that ask for others at once do not keep the connections waiting.
  for (std::size_t left = calls_.size(); left > 0 && !calls_.empty() && calls_.begin()->first <= now; --left) {
    const auto due = calls_.extract(calls_.begin());
    due.mapped()->queued = false;
    try {
      due.mapped()->call();
    } catch (...) {
      log_error("delayed call", std::current_exception());
    }
  }
}

}  // namespace events
