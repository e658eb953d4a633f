// Standard output and error, never blocking.
#include "client/local_stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "common/file_io.h"

namespace farhand {
namespace {

// The master of a terminal, opened anew, is another terminal's.
bool is_terminal_master(int fd) {
  unsigned number = 0;
  return ::ioctl(fd, TIOCGPTN, &number) == 0;
}

}  // namespace

LocalSink::LocalSink(int fd) : fd_(fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;
  if (S_ISREG(status.st_mode)) {
    kind_ = Kind::kFile;
  } else if (S_ISSOCK(status.st_mode)) {
    kind_ = Kind::kSocket;
  } else if (S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && !is_terminal_master(fd))) {
    own_.reset(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own_) kind_ = Kind::kOwnDescription;
  }
}

ssize_t LocalSink::write_some(Bytes bytes) noexcept {
  switch (kind_) {
    case Kind::kFile:
      return farhand::write_some(fd_, bytes);
    case Kind::kOwnDescription:
      return farhand::write_some(own_.get(), bytes);
    case Kind::kSocket:
      return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::kBlocking:
      break;
  }
  // The description belongs to others: only what poll says will fit, which is PIPE_BUF.
  pollfd entry{fd_, POLLOUT, 0};
  if (::poll(&entry, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  return farhand::write_some(fd_, bytes.first(std::min<std::size_t>(bytes.size(), PIPE_BUF)));
}

void LocalSink::end() noexcept {
  if (kind_ == Kind::kSocket) {
    ::shutdown(fd_, SHUT_WR);  // another may have it as well, our parent's standard input for one
    return;
  }
  const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (nowhere) ::dup2(nowhere.get(), fd_);  // the number stays somebody's
  own_.reset();
}

}  // namespace farhand
