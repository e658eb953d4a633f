// StreamRequest over recv(2) and send(2), or over the transport that wraps them.
#include "server/socketserver/stream_request.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/file_io.h"
#include "common/result.h"
#include "server/socketserver/file_sender.h"

namespace socketserver {

Transport::~Transport() = default;

StreamRequest::StreamRequest(farhand::UniqueFd connected) noexcept : fd_(std::move(connected)) {}
StreamRequest::~StreamRequest() = default;

farhand::UniqueFd StreamRequest::release() noexcept {
  const std::lock_guard lock(mutex_);
  return std::move(fd_);
}

void StreamRequest::wrap(const std::function<std::unique_ptr<Transport>(farhand::UniqueFd)>& make) {
  // While `make` shakes hands, abort() still has to reach the connection: by a duplicate, which nobody else closes.
  farhand::UniqueFd for_abort(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!for_abort) farhand::throw_errno("fcntl");
  {
    const std::lock_guard lock(mutex_);
    std::swap(fd_, for_abort);
  }
  std::unique_ptr<Transport> made;
  try {
    made = make(std::move(for_abort));
  } catch (...) {
    close();
    throw;
  }
  const std::lock_guard lock(mutex_);
  fd_.reset();
  transport_ = std::move(made);
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
  return recv_until(into, deadline());
}

std::string StreamRequest::recv(std::size_t most) {
  std::string text(most, '\0');
  text.resize(recv(std::as_writable_bytes(std::span(text))));
  return text;
}

std::size_t StreamRequest::recv_until(farhand::MutableBytes into, farhand::Deadline until) {
  if (transport_) return transport_->recv(into, until);
  // Without a deadline the call itself may wait. With one it may not: another process that shares the connection may
  // take the bytes between the poll and the read.
  const int flags = until.poll_timeout() < 0 ? 0 : MSG_DONTWAIT;
  for (;;) {
    const auto got = ::recv(fd_.get(), into.data(), into.size(), flags);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      wait_for(POLLIN, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("recv");
    }
  }
}

void StreamRequest::sendall(farhand::Bytes bytes) {
  send_with(bytes, 0);
}

void StreamRequest::sendall_more(farhand::Bytes bytes) {
  send_with(bytes, MSG_MORE);
}

void StreamRequest::send_with(farhand::Bytes bytes, int flags) {
  const auto until = deadline();
  if (transport_) return transport_->sendall(bytes, until);
  flags |= MSG_NOSIGNAL | (timeout_ ? MSG_DONTWAIT : 0);
  while (!bytes.empty()) {
    const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), flags);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("send");
    }
  }
}

std::uint64_t StreamRequest::sendfile(int file, std::uint64_t offset, std::uint64_t count) {
  if (transport_) return copy_file(file, offset, count);
  return FileSender(fd_.get(), timeout_).send(file, offset, count);
}

std::uint64_t StreamRequest::copy_file(int file, std::uint64_t offset, std::uint64_t count) {
  std::array<std::byte, std::size_t{16} * 1024> buffer{};  // one TLS record, and small beside a request's stack
  std::uint64_t done = 0;
  while (done < count) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count - done, buffer.size()));
    const auto got = farhand::read_at(file, farhand::MutableBytes(buffer).first(wanted), offset + done);
    if (got < 0) farhand::throw_errno("pread");
    if (got == 0) break;
    sendall(farhand::Bytes(buffer).first(static_cast<std::size_t>(got)));
    done += static_cast<std::uint64_t>(got);
  }
  return done;
}

void StreamRequest::shutdown() noexcept {
  if (transport_) return transport_->shutdown();
  // A failure means that the peer is gone already.
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void StreamRequest::close() noexcept {
  const std::lock_guard lock(mutex_);
  fd_.reset();
  transport_.reset();
}

void StreamRequest::abort() noexcept {
  const std::lock_guard lock(mutex_);
  if (fd() >= 0) ::shutdown(fd(), SHUT_RDWR);
}

}  // namespace socketserver
