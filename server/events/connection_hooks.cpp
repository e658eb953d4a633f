// A connection's deadlines, and what becomes of a hook that throws.
#include <algorithm>

#include "server/events/connection.h"
#include "server/events/report.h"

namespace events {

// Called while the exception is being handled.
void Connection::failed() noexcept {
  report(*factory_, std::current_exception(), peer_);
  end(Ending::kFailed);
}

void Connection::call_again_in(std::chrono::milliseconds delay) {
  timer_.cancel();
  timer_ = DelayedCall(core_.timers().add(delay, [weak = std::weak_ptr(self())] {
    if (const auto connection = weak.lock()) connection->turn([&] { connection->on_timer(); });
  }));
}

void Connection::on_timer() {
  switch (phase_) {
    case Phase::kOpen:
      return on_idle();
    case Phase::kFlushing:
      return on_slow_flush();
    case Phase::kLingering:
      return end(polite_end_);
    case Phase::kOver:
      return;
  }
}

// How much longer after the last progress `limit` is reached; rounded up, so that it is not asked just before. Zero: it
// is.
std::chrono::milliseconds Connection::left_of(std::chrono::milliseconds limit) const {
  const auto left = limit - (Clock::now() - last_progress_);
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0));
}

// Progress only notes the time; the timer that was set before finds out here, and is set anew: nothing to do per byte.
void Connection::on_idle() {
  const auto left = left_of(idle_);
  if (left.count() > 0) return call_again_in(left);
  timing_out_ = true;
  call([](Protocol& protocol) { protocol.timeout_connection(); });
  timing_out_ = false;
  if (connected() && idle_.count() > 0) set_timeout(idle_);
}

void Connection::on_slow_flush() {
  const auto left = left_of(core_.options().flush_patience);
  if (left.count() > 0) return call_again_in(left);
  end(Ending::kTimedOut);
}

void Connection::set_timeout(std::chrono::milliseconds idle) {
  if (!connected()) return;
  idle_ = idle;
  touch();
  timer_.cancel();
  if (idle.count() > 0) call_again_in(idle);
}

void Connection::linger() {
  phase_ = Phase::kLingering;
  call_again_in(core_.options().linger);
}

}  // namespace events
