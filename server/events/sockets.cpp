// Sockets of connections and listeners.
#include "server/events/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "common/result.h"

namespace events {
namespace {

using socketserver::Address;

void turn(int fd, int level, int option, bool on, const char* name) {
  const int value = on ? 1 : 0;
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) farhand::throw_errno(name);
}

// The sockets interface's own form of an address. Size 0: it has none.
struct Native {
  sockaddr_storage storage{};
  socklen_t size_bytes = 0;
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

Native native(const Address& address) noexcept {
  Native made;
  if (address.is_ip()) {
    made.size_bytes = static_cast<socklen_t>(address.endpoint().size());
    std::memcpy(&made.storage, address.endpoint().data(), made.size_bytes);
  } else if (address.family() == AF_UNIX && address.path().size() < sizeof(sockaddr_un::sun_path)) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, address.path().data(), address.path().size());
    made.size_bytes = sizeof local;
    std::memcpy(&made.storage, &local, sizeof local);
  }
  return made;
}

void set_ip_options(int fd, int family, const ListenOptions& options) {
  turn(fd, SOL_SOCKET, SO_REUSEADDR, options.allow_reuse_address, "setsockopt SO_REUSEADDR");
  turn(fd, SOL_SOCKET, SO_REUSEPORT, options.allow_reuse_port, "setsockopt SO_REUSEPORT");
  if (family == AF_INET6) turn(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only, "setsockopt IPV6_V6ONLY");
}

// Linux gives the file the socket's own mode, less the umask: nobody else can connect in between.
void set_file_mode(int fd, unsigned mode) {
  if (::fchmod(fd, mode) != 0) farhand::throw_errno("fchmod");
}

[[noreturn]] void fail_bind(int error, const Address& address) {
  throw std::system_error(error, std::generic_category(), "bind " + address.to_string());
}

}  // namespace

farhand::UniqueFd make_listening(const Address& address, const ListenOptions& options) {
  const Native where = native(address);
  if (where.size_bytes == 0) fail_bind(address.family() == AF_UNIX ? ENAMETOOLONG : EAFNOSUPPORT, address);
  farhand::UniqueFd made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) farhand::throw_errno("socket");
  if (address.is_ip()) {
    set_ip_options(made.get(), address.family(), options);
  } else {
    set_file_mode(made.get(), options.unix_mode);
  }
  if (::bind(made.get(), where.get(), where.size_bytes) != 0) fail_bind(errno, address);
  if (::listen(made.get(), options.backlog) != 0) farhand::throw_errno("listen");
  return made;
}

int start_connect(const Address& address, farhand::UniqueFd& made) noexcept {
  const Native where = native(address);
  if (where.size_bytes == 0) return address.family() == AF_UNIX ? ENAMETOOLONG : EAFNOSUPPORT;
  made.reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return errno;
  if (::connect(made.get(), where.get(), where.size_bytes) == 0) return 0;
  return errno == EINTR ? EINPROGRESS : errno;
}

int connect_result(int fd) noexcept {
  int result = 0;
  socklen_t size_bytes = sizeof result;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size_bytes) != 0) return errno;
  return result;
}

void set_no_delay(int fd) noexcept {
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

void set_reset_on_close(int fd) noexcept {
  const linger at_once{1, 0};
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size_bytes = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size_bytes) != 0) return {};
  return Address::from_native(storage, size_bytes);
}

}  // namespace events
