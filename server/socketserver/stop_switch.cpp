// StopSwitch over a mutex, a condition and an EventFd.
#include "server/socketserver/stop_switch.h"

#include <stdexcept>

namespace socketserver {

bool StopSwitch::stopped() const {
  const std::lock_guard lock(mutex_);
  return stop_requested_;
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
  stop_requested_ = true;
  wake_.ring();
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
