// create_connection over connect(2).
#include "server/socketserver/create_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <system_error>

#include "common/deadline.h"
#include "common/result.h"
#include "server/socketserver/native_socket.h"

namespace socketserver {
namespace {

int start_connect(int fd, const Address& server) {
  if (server.is_ip()) {
    const auto& endpoint = server.endpoint();
    return ::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  }
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  if (server.path().size() >= sizeof native.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  server.path().copy(native.sun_path, sizeof native.sun_path - 1);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&native), sizeof native);
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

void make_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) farhand::throw_errno("fcntl");
}

}  // namespace

std::unique_ptr<StreamRequest> create_connection(const Address& server,
                                                 std::optional<std::chrono::milliseconds> timeout) {
  const auto until = timeout ? farhand::Deadline::after(*timeout) : farhand::Deadline::never();
  farhand::UniqueFd fd = make_socket(server.family(), SOCK_STREAM | SOCK_NONBLOCK);
  int status = start_connect(fd.get(), server) == 0 ? 0 : errno;
  if (status == EINPROGRESS || status == EINTR) status = finish_connect(fd.get(), until);
  if (status != 0) throw std::system_error(status, std::generic_category(), "connect " + server.to_string());
  make_blocking(fd.get());
  auto connection = std::make_unique<StreamRequest>(std::move(fd));
  connection->settimeout(timeout);
  return connection;
}

}  // namespace socketserver
