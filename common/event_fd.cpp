// EventFd over eventfd(2).
#include "common/event_fd.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cstdint>

#include "common/result.h"

namespace farhand {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_) throw_errno("eventfd");
}

void EventFd::ring() noexcept {
  const std::uint64_t one = 1;
  // The only possible failure is a full counter, and a full counter is readable already.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void EventFd::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
}

bool EventFd::rung() const noexcept {
  pollfd entry{fd_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

}  // namespace farhand
