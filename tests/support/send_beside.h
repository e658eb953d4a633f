// send_beside: a byte over a Unix socket with something beside it that the kernel carries: descriptors, credentials.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

namespace farhand::test {

// `type` is SCM_RIGHTS or SCM_CREDENTIALS, `what` an int or a ucred. As sendmsg(2): -1 and errno.
template <class What>
ssize_t send_beside(int socket, char byte, int type, const What& what, int flags = MSG_NOSIGNAL) {
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(What))> beside{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = beside.data();
  message.msg_controllen = beside.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(What));
  std::memcpy(CMSG_DATA(header), &what, sizeof what);
  return ::sendmsg(socket, &message, flags);
}

}  // namespace farhand::test
