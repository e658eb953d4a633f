// Client sockets: TCP by host and port, Unix by path.
#include "common/stream/connect.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype([](addrinfo* list) { ::freeaddrinfo(list); })>;

std::string seconds_until(Deadline::Clock::time_point start) {
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Deadline::Clock::now() - start);
  return std::to_string(std::max<long>(1, waited.count())) + " s";
}

Result<void> check_host(const std::string& host) {
  const bool control = std::any_of(host.begin(), host.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  // A leading '-' is never a host; it is an option that went astray.
  if (!host.empty() && host.front() != '-' && !control) return {};
  return fail(ErrorCode::kUsage, quoted(host) + " is not the name of a host");
}

int family_number(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::kV4:
      return AF_INET;
    case AddressFamily::kV6:
      return AF_INET6;
    case AddressFamily::kAny:
      return AF_UNSPEC;
  }
  return AF_UNSPEC;
}

Result<AddressList> resolve(const std::string& host, std::uint16_t port, AddressFamily family) {
  addrinfo hints{};
  hints.ai_family = family_number(family);
  hints.ai_socktype = SOCK_STREAM;
  // A numeric address first: it needs neither the resolver nor its configuration files.
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  int status = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (status == EAI_NONAME) {
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    status = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  }
  if (status == 0) return AddressList(found);
  const std::string why = status == EAI_SYSTEM ? errno_text(errno) : std::string(::gai_strerror(status));
  return fail(ErrorCode::kCannotConnect, "cannot find host " + quoted(host) + ": " + why);
}

// Waits until a connect under way has ended: 0, or its error number, ETIMEDOUT at the deadline.
int finish_connect(int fd, Deadline deadline) {
  pollfd entry{fd, POLLOUT, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, deadline.poll_timeout());
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    if (deadline.passed()) return ETIMEDOUT;
  }
  int status = 0;
  socklen_t length = sizeof status;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &length) != 0) throw_errno("getsockopt SO_ERROR");
  return status;
}

// One address: 0, or the error number.
int try_address(const addrinfo& address, Deadline deadline, UniqueFd& connected) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (!fd) return errno;
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    if (const int status = finish_connect(fd.get(), deadline); status != 0) return status;
  }
  connected = std::move(fd);
  return 0;
}

// An equal share of what is left for each address that has not had its turn.
Deadline share_of(Deadline deadline, std::size_t addresses_left) {
  if (deadline.when() == Deadline::Clock::time_point::max()) return deadline;
  const auto now = Deadline::Clock::now();
  const auto share = (deadline.when() - now) / static_cast<long>(addresses_left);
  return Deadline::at(now + share);
}

// Which of two addresses' failures says more: someone answered, no one answered, there was no way to ask.
int weight(int error_number) {
  if (error_number == ECONNREFUSED) return 3;
  if (error_number == ETIMEDOUT) return 2;
  return error_number == 0 ? 0 : 1;
}

std::string tcp_failure(const std::string& host, std::uint16_t port, int status, Deadline::Clock::time_point start) {
  const std::string target = quoted(host) + " port " + std::to_string(port);
  if (status == ECONNREFUSED) {
    return target + " refused the connection: the host answers, but no server listens on that port";
  }
  if (status == ETIMEDOUT) return "no answer from " + target + " within " + seconds_until(start);
  return "cannot connect to " + target + ": " + errno_text(status);
}

// A blocking connect that the send timeout bounds: a non-blocking one to a Unix socket whose queue is full fails at
// once with EAGAIN and leaves nothing to poll for.
int connect_local(int fd, const sockaddr_un& address, Deadline deadline) {
  for (;;) {
    const int left = deadline.poll_timeout();
    if (left == 0) return ETIMEDOUT;
    // 0 in both fields means "no timeout", as -1 does in poll_timeout.
    const timeval timeout{left < 0 ? 0 : left / 1000, left < 0 ? 0 : (left % 1000) * 1000};
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) throw_errno("setsockopt SO_SNDTIMEO");
    // The one cast that the sockets interface demands.
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
    if (errno != EINTR && errno != EAGAIN) return errno;
  }
  const timeval none{};
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) != 0) throw_errno("setsockopt SO_SNDTIMEO");
  return 0;
}

// Fills `address`: 0, or the error number. `handle` keeps the socket file open while the address names it through
// /proc.
int name_locally(const std::string& path, sockaddr_un& address, UniqueFd& handle) {
  std::string name = path;
  if (name.size() >= sizeof address.sun_path) {
    handle.reset(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!handle) return errno;
    name = "/proc/self/fd/" + std::to_string(handle.get());
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return 0;
}

std::string unix_failure(const std::string& path, int status, Deadline::Clock::time_point start) {
  if (status == ENOENT || status == ECONNREFUSED) {
    return "nothing listens on " + quoted(path) + ": start rserver there, or name another host with -H";
  }
  if (status == ETIMEDOUT) return "no answer on " + quoted(path) + " within " + seconds_until(start);
  return "cannot connect to " + quoted(path) + ": " + errno_text(status);
}

}  // namespace

Result<UniqueFd> connect_tcp(const std::string& host, std::uint16_t port, Deadline deadline, AddressFamily family) {
  TRY(check_host(host));
  const auto start = Deadline::Clock::now();
  TRY_ASSIGN(const AddressList addresses, resolve(host, port, family));
  std::size_t left = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) ++left;
  int telling = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next, --left) {
    UniqueFd connected;
    const int status = try_address(*address, share_of(deadline, left), connected);
    if (status == 0) return connected;
    if (weight(status) > weight(telling)) telling = status;
  }
  return fail(ErrorCode::kCannotConnect, tcp_failure(host, port, telling, start));
}

Result<UniqueFd> connect_unix(const std::string& path, Deadline deadline) {
  // A zero byte would cut the name short, and an empty one would bind to an abstract address.
  if (path.empty() || path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, quoted(path) + " is not the path of a socket");
  }
  const auto start = Deadline::Clock::now();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  UniqueFd handle;
  sockaddr_un address{};
  int status = name_locally(path, address, handle);
  if (status == 0) status = connect_local(fd.get(), address, deadline);
  if (status != 0) return fail(ErrorCode::kCannotConnect, unix_failure(path, status, start));
  set_nonblocking(fd.get());
  return fd;
}

}  // namespace farhand
