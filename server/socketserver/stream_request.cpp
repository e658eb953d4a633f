// StreamRequest over recv(2) and send(2).
#include "server/socketserver/stream_request.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "common/result.h"

namespace socketserver {

farhand::UniqueFd StreamRequest::release() noexcept {
  const std::lock_guard lock(mutex_);
  return std::move(fd_);
}

farhand::Deadline StreamRequest::deadline() const {
  return timeout_ ? farhand::Deadline::after(*timeout_) : farhand::Deadline::never();
}

void StreamRequest::wait_for(short events, farhand::Deadline deadline) const {
  pollfd entry{fd_.get(), events, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, deadline.poll_timeout());
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) farhand::throw_errno("poll");
    if (ready == 0 && deadline.passed()) farhand::throw_errno("poll", ETIMEDOUT);
  }
}

std::size_t StreamRequest::recv(farhand::MutableBytes into) {
  const auto until = deadline();
  for (;;) {
    // MSG_DONTWAIT: another process that shares the connection may take the bytes between the poll and the read.
    const auto got = ::recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      wait_for(POLLIN, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("recv");
    }
  }
}

void StreamRequest::sendall(farhand::Bytes bytes) {
  const auto until = deadline();
  while (!bytes.empty()) {
    const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("send");
    }
  }
}

void StreamRequest::shutdown() noexcept {
  // A failure means that the peer is gone already.
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void StreamRequest::close() noexcept {
  const std::lock_guard lock(mutex_);
  fd_.reset();
}

void StreamRequest::abort() noexcept {
  const std::lock_guard lock(mutex_);
  if (fd_) ::shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace socketserver
