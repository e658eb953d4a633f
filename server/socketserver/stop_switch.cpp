// StopSwitch over a mutex, a condition and an EventFd.
#include "server/socketserver/stop_switch.h"

#include <stdexcept>
#include <utility>

namespace socketserver {

static_assert(std::atomic<bool>::is_always_lock_free);

void StopSwitch::request() noexcept {
  // In this order: whoever finds it rung must find it requested.
  stop_requested_ = true;
  wake_.ring();
}

void StopSwitch::calm() noexcept {
  wake_.clear();
  if (stop_requested_) wake_.ring();
}

void StopSwitch::leave_to_parent() noexcept {
  [[maybe_unused]] const farhand::EventFd dropped = std::move(wake_);
}

void StopSwitch::stop() {
  std::unique_lock lock(mutex_);
  request_and_wait(lock);
}

void StopSwitch::stop_running() {
  std::unique_lock lock(mutex_);
  if (running_) request_and_wait(lock);
}

void StopSwitch::request_and_wait(std::unique_lock<std::mutex>& lock) {
  request();
  if (!running_ || runner_ == std::this_thread::get_id()) return;
  ended_.wait(lock, [this, before = loops_ended_] { return loops_ended_ != before; });
}

StopSwitch::Loop::Loop(StopSwitch& owner) : switch_(owner) {
  const std::lock_guard lock(switch_.mutex_);
  if (switch_.running_) throw std::logic_error("serve_forever: another thread serves already");
  switch_.running_ = true;
  switch_.runner_ = std::this_thread::get_id();
}

StopSwitch::Loop::~Loop() {
  const std::lock_guard lock(switch_.mutex_);
  switch_.running_ = false;
  switch_.stop_requested_ = false;
  switch_.wake_.clear();
  ++switch_.loops_ended_;
  // Under the lock: whoever waits may destroy the server as soon as it wakes.
  switch_.ended_.notify_all();
}

}  // namespace socketserver
