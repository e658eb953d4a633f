// StreamServer over listen(2) and accept4(2).
#include "server/socketserver/stream_server.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/result.h"

namespace socketserver {
namespace {

// What accept reports of a connection that died in the queue, or of the network under it (accept(2), "Error handling"):
// the next client is not concerned.
bool concerns_one_client(int error) noexcept {
  switch (error) {
    case EAGAIN:  // somebody else took it, or the client left
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM:  // a firewall's rule
      return true;
    default:
      return false;
  }
}

}  // namespace

void StreamServer::server_activate() {
  if (::listen(socket().get(), options().request_queue_size) != 0) farhand::throw_errno("listen");
}

std::optional<Incoming> StreamServer::get_request() {
  sockaddr_storage peer{};
  socklen_t size_bytes = sizeof peer;
  // accept4 and not Asio's: close-on-exec from birth.
  farhand::UniqueFd connected(::accept4(socket().get(), reinterpret_cast<sockaddr*>(&peer), &size_bytes, SOCK_CLOEXEC));
  if (!connected) {
    if (concerns_one_client(errno)) return std::nullopt;
    farhand::throw_errno("accept");
  }
  return Incoming{std::make_unique<StreamRequest>(std::move(connected)), Address::from_native(peer, size_bytes)};
}

}  // namespace socketserver
