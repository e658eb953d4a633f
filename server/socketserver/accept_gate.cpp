// AcceptGate over epoll(7), timerfd and eventfd.
#include "server/socketserver/accept_gate.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/result.h"

namespace socketserver {
namespace {

void add(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) farhand::throw_errno("epoll_ctl");
}

void set_timer(int timer, std::chrono::milliseconds after) {
  using std::chrono::duration_cast;
  const auto seconds = duration_cast<std::chrono::seconds>(after);
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(seconds.count());
  when.it_value.tv_nsec = static_cast<long>(duration_cast<std::chrono::nanoseconds>(after - seconds).count());
  if (::timerfd_settime(timer, 0, &when, nullptr) != 0) farhand::throw_errno("timerfd_settime");
}

bool readable(int fd) noexcept {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

}  // namespace

void AcceptGate::watch(int listening_fd, int ended_fd) {
  farhand::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) farhand::throw_errno("epoll_create1");
  farhand::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) farhand::throw_errno("timerfd_create");
  resumed_.clear();
  add(epoll.get(), timer.get());
  add(epoll.get(), resumed_.fd());
  add(epoll.get(), listening_fd);
  if (ended_fd >= 0) add(epoll.get(), ended_fd);
  epoll_ = std::move(epoll);
  timer_ = std::move(timer);
  listening_fd_ = listening_fd;
  paused_ = false;
}

void AcceptGate::close() noexcept {
  epoll_.reset();
  timer_.reset();
  listening_fd_ = -1;
}

void AcceptGate::leave_to_parent() noexcept {
  close();
  paused_ = false;
  [[maybe_unused]] const farhand::EventFd dropped = std::move(resumed_);
}

bool AcceptGate::ready() {
  if (!epoll_) return false;
  if (!paused_) return true;
  if (!resumed_.rung() && !readable(timer_.get())) return false;
  set_listening(true);
  paused_ = false;
  calm();
  return true;
}

void AcceptGate::calm() {
  if (!epoll_) return;
  set_timer(timer_.get(), std::chrono::milliseconds(0));  // disarmed, and no longer readable
  resumed_.clear();
}

void AcceptGate::pause() {
  set_listening(false);
  paused_ = true;
}

void AcceptGate::pause_for(std::chrono::milliseconds most) {
  // Zero would disarm the timer, and the pause would not end.
  set_timer(timer_.get(), std::max(most, std::chrono::milliseconds(1)));
  pause();
}

void AcceptGate::resume() noexcept {
  if (paused_) resumed_.ring();
}

void AcceptGate::set_listening(bool seen) {
  epoll_event event{};
  event.events = seen ? static_cast<std::uint32_t>(EPOLLIN) : 0U;
  event.data.fd = listening_fd_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listening_fd_, &event) != 0) farhand::throw_errno("epoll_ctl");
}

}  // namespace socketserver
