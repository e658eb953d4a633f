// The system calls on a connected stream socket.
#include "common/stream/socket_io.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/file_io.h"

namespace farhand {
namespace {

constexpr std::chrono::milliseconds kLongRoundTrip{5};
constexpr const char* kForLongLinks = "bbr";

// The kernel has measured the handshake, which is over. A host that does not offer it keeps its own.
void choose_congestion_control(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return;
  const char* name = congestion_control_for(std::chrono::microseconds(info.tcpi_rtt));
  if (name == nullptr) return;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, static_cast<socklen_t>(std::strlen(name))));
}

}  // namespace

const char* congestion_control_for(std::chrono::microseconds round_trip) noexcept {
  return round_trip >= kLongRoundTrip ? kForLongLinks : nullptr;
}

void prepare_stream_socket(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) throw_errno("getsockopt SO_DOMAIN");
  set_nonblocking(fd);
  if (domain != AF_INET && domain != AF_INET6) return;
  // A failure costs latency and nothing else (and a connection that is broken already says so at its first read).
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  choose_congestion_control(fd);
}

std::optional<LinkFacts> link_facts(int fd) noexcept {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) return std::nullopt;
  if (domain != AF_INET && domain != AF_INET6) return std::nullopt;
  tcp_info info{};
  length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  std::array<char, 16> name{};  // TCP_CA_NAME_MAX
  length = name.size() - 1;
  const bool is_named = ::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &length) == 0;
  return LinkFacts{std::chrono::microseconds(info.tcpi_rtt),
                   is_named && std::string_view(name.data()) == kForLongLinks};
}

ssize_t receive_now(int fd, MutableBytes into) noexcept {
  for (;;) {
    const ssize_t count = ::recv(fd, into.data(), into.size(), MSG_DONTWAIT);
    if (count >= 0 || errno != EINTR) return count;
  }
}

ssize_t send_now(int fd, Bytes from) noexcept {
  for (;;) {
    const ssize_t count = ::send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0 || errno != EINTR) return count;
  }
}

Result<void> half_close(int fd) {
  if (::shutdown(fd, SHUT_WR) == 0) return {};
  return fail(connection_lost(errno));
}

bool is_would_block(int error_number) noexcept {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

Error connection_lost(int error_number) {
  if (error_number == 0) {
    return {ErrorCode::kConnectionLost, "the connection was cut off: it ended without a proper end"};
  }
  return {ErrorCode::kConnectionLost, "the connection was lost: " + errno_text(error_number)};
}

}  // namespace farhand
