// SO_PEERCRED, and a question to NETLINK_SOCK_DIAG about the other end of a loopback connection.
#include "server/peer_user.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/unique_fd.h"

namespace farhand {
namespace {

struct EndPoints {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
};

EndPoints end_points(int socket) {
  EndPoints ends;
  socklen_t size = sizeof ends.ours;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&ends.ours), &size) != 0) throw_errno("getsockname");
  size = sizeof ends.theirs;
  // A peer that has gone already has no name; it is nobody.
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&ends.theirs), &size) != 0) ends.theirs.ss_family = AF_UNSPEC;
  return ends;
}

// Port and address of one end into the places of a diagnostics request.
void put_end(const sockaddr_storage& end, __be16& port, __be32 (&address)[4]) {
  if (end.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &end, sizeof v4);
    port = v4.sin_port;
    address[0] = v4.sin_addr.s_addr;
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &end, sizeof v6);
    port = v6.sin6_port;
    std::memcpy(address, &v6.sin6_addr, sizeof v6.sin6_addr);
  }
}

struct Question {
  nlmsghdr header{};
  inet_diag_req_v2 request{};
};

// The other end is a socket of its own, whose source is our peer's address and whose destination is ours.
Question question_about(const EndPoints& ends) {
  Question question;
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = static_cast<std::uint8_t>(ends.ours.ss_family);
  question.request.sdiag_protocol = IPPROTO_TCP;
  question.request.idiag_states = ~0U;
  put_end(ends.theirs, question.request.id.idiag_sport, question.request.id.idiag_src);
  put_end(ends.ours, question.request.id.idiag_dport, question.request.id.idiag_dst);
  question.request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  question.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return question;
}

// States in which a socket still belongs to a process; later ones are the kernel's and carry no user.
bool is_owned(std::uint8_t state) {
  return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2;
}

std::optional<uid_t> read_answer(int netlink) {
  alignas(nlmsghdr) std::array<char, 4096> buffer{};
  const ssize_t got = ::recv(netlink, buffer.data(), buffer.size(), 0);
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
  nlmsghdr header{};
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;  // NLMSG_ERROR: no such socket
  if (static_cast<std::size_t>(got) < NLMSG_HDRLEN + sizeof(inet_diag_msg)) return std::nullopt;
  inet_diag_msg message{};
  std::memcpy(&message, buffer.data() + NLMSG_HDRLEN, sizeof message);
  if (!is_owned(message.idiag_state) || message.idiag_inode == 0) return std::nullopt;
  return message.idiag_uid;
}

}  // namespace

PeerCredentials unix_peer(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) throw_errno("SO_PEERCRED");
  return PeerCredentials{credentials.uid, credentials.pid};
}

std::optional<uid_t> loopback_peer_user(int socket) {
  const EndPoints ends = end_points(socket);
  if (ends.theirs.ss_family != ends.ours.ss_family) return std::nullopt;
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) throw_errno("socket(NETLINK_SOCK_DIAG)");
  const Question question = question_about(ends);
  if (::send(netlink.get(), &question, sizeof question, 0) < 0) throw_errno("send to NETLINK_SOCK_DIAG");
  return read_answer(netlink.get());
}

}  // namespace farhand
