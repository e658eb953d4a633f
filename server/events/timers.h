// Timers: the calls that are to come, over one timer of the system.
//
// Ownership: owns the calls until they are made, cancelled or cleared; handles point to them weakly.
// Threads:   the reactor's.
// Errors:    what a call throws is logged, and the others go on.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace events {

class Timers;

struct TimedCall {
  using Clock = std::chrono::steady_clock;
  // shared_ptr so that a handle can tell that the call is gone.
  using Queue = std::multimap<Clock::time_point, std::shared_ptr<TimedCall>>;

  Timers& owner;
  std::function<void()> call;
  bool queued = true;  // false from the moment it is called, cancelled or dropped
  Queue::iterator place = {};
};

class Timers {
 public:
  explicit Timers(asio::io_context& context) : timer_(context) {}

  std::weak_ptr<TimedCall> add(std::chrono::milliseconds delay, std::function<void()> call);
  void cancel(TimedCall& call);
  void clear();

 private:
  using Clock = TimedCall::Clock;
  void arm();
  void make_due_calls();

  asio::steady_timer timer_;
  TimedCall::Queue calls_;
  Clock::time_point armed_for_ = Clock::time_point::max();  // max: not armed
};

}  // namespace events
