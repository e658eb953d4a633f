// socket(2) and getsockname(2).
#include "server/socketserver/native_socket.h"

#include <sys/socket.h>

#include "common/result.h"

namespace socketserver {

farhand::UniqueFd make_socket(int family, int type) {
  farhand::UniqueFd made(::socket(family, type | SOCK_CLOEXEC, 0));
  if (!made) farhand::throw_errno("socket");
  return made;
}

Address bound_address(int fd) {
  sockaddr_storage native{};
  socklen_t size_bytes = sizeof native;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &size_bytes) != 0) farhand::throw_errno("getsockname");
  return Address::from_native(native, size_bytes);
}

}  // namespace socketserver
