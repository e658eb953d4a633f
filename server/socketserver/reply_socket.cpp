// ReplySocket over sendto(2) with SO_SNDTIMEO.
#include "server/socketserver/reply_socket.h"

#include <fcntl.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "common/deadline.h"
#include "common/result.h"

namespace socketserver {

ReplySocket::ReplySocket(int socket_fd, std::chrono::milliseconds send_timeout)
    // Zero would mean for ever.
    : send_timeout_(std::max(send_timeout, std::chrono::milliseconds(1))), fd_(::fcntl(socket_fd, F_DUPFD_CLOEXEC, 0)) {
  if (!fd_) farhand::throw_errno("fcntl F_DUPFD_CLOEXEC");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(send_timeout_);
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(send_timeout_ - seconds);
  timeval limit{};
  limit.tv_sec = static_cast<time_t>(seconds.count());
  limit.tv_usec = static_cast<suseconds_t>(rest.count());
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    farhand::throw_errno("setsockopt SO_SNDTIMEO");
  }
}

void ReplySocket::send(farhand::Bytes packet, const sockaddr_storage& to, socklen_t size_bytes) const {
  // Beside the socket's own limit, which starts anew after each signal.
  const auto until = farhand::Deadline::after(send_timeout_);
  const auto* native = reinterpret_cast<const sockaddr*>(&to);
  while (::sendto(fd_.get(), packet.data(), packet.size(), MSG_NOSIGNAL, native, size_bytes) < 0) {
    if (errno == EAGAIN || (errno == EINTR && until.passed())) farhand::throw_errno("sendto", ETIMEDOUT);
    if (errno != EINTR) farhand::throw_errno("sendto");
  }
}

}  // namespace socketserver
