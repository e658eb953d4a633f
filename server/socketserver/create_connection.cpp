// create_connection over connect(2).
#include "server/socketserver/create_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/deadline.h"
#include "common/result.h"
#include "server/socketserver/native_socket.h"

namespace socketserver {
namespace {

int start_connect(int fd, const Address& server) {
  const auto& endpoint = server.endpoint();
  return ::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
}

// A Unix connect is never under way: with the server's queue full a blocking one waits, for SO_SNDTIMEO at most, and a
// non-blocking one fails. 0, or why it failed.
int connect_unix(int fd, const Address& server, farhand::Deadline until) {
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  if (server.path().size() >= sizeof native.sun_path) return ENAMETOOLONG;
  server.path().copy(native.sun_path, sizeof native.sun_path - 1);
  for (;;) {
    const int wait_ms = until.poll_timeout();
    timeval most{};  // no limit
    if (wait_ms >= 0) most = {wait_ms / 1000, std::max(wait_ms % 1000, 1) * 1000};
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) != 0) return errno;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&native), sizeof native) == 0) break;
    if (errno != EINTR && errno != EAGAIN) return errno;
    if (until.passed()) return ETIMEDOUT;
  }
  const timeval none{};
  return ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) == 0 ? 0 : errno;
}

// 0, or why a connect under way did not come to its end.
int finish_connect(int fd, farhand::Deadline until) {
  pollfd entry{fd, POLLOUT, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, until.poll_timeout());
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return errno;
    if (ready == 0 && until.passed()) return ETIMEDOUT;
  }
  int status = 0;
  socklen_t size = sizeof status;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size) == 0 ? status : errno;
}

void set_blocking(int fd, bool blocking) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (flags < 0 || ::fcntl(fd, F_SETFL, wanted) != 0) farhand::throw_errno("fcntl");
}

// 0, or why it failed.
int connect_ip(int fd, const Address& server, farhand::Deadline until) {
  set_blocking(fd, false);
  int status = start_connect(fd, server) == 0 ? 0 : errno;
  if (status == EINPROGRESS || status == EINTR) status = finish_connect(fd, until);
  set_blocking(fd, true);
  return status;
}

}  // namespace

std::unique_ptr<StreamRequest> create_connection(const Address& server,
                                                 std::optional<std::chrono::milliseconds> timeout) {
  const auto until = timeout ? farhand::Deadline::after(*timeout) : farhand::Deadline::never();
  farhand::UniqueFd fd = make_socket(server.family(), SOCK_STREAM);
  const int status = server.is_ip() ? connect_ip(fd.get(), server, until) : connect_unix(fd.get(), server, until);
  if (status != 0) throw std::system_error(status, std::generic_category(), "connect " + server.to_string());
  auto connection = std::make_unique<StreamRequest>(std::move(fd));
  connection->settimeout(timeout);
  return connection;
}

}  // namespace socketserver
