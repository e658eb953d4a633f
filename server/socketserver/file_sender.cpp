// FileSender over sendfile(2), or pread(2) and send(2).
#include "server/socketserver/file_sender.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "common/file_io.h"
#include "common/result.h"

namespace socketserver {
namespace {

// The most that one call moves (sendfile(2)).
constexpr std::uint64_t kMostAtOnce = 0x7ffff000;
// Of a copy: small beside a request's stack.
constexpr std::size_t kCopyBytes = std::size_t{16} * 1024;

// sendfile has no MSG_NOSIGNAL: the signal is blocked, and what our own call raised is taken back.
class WithoutSigpipe {
 public:
  WithoutSigpipe() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending{};
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    if (raised_ && !was_pending_) {
      const timespec at_once{};
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void note_raised() noexcept { raised_ = true; }  // or that it may have been

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
  bool raised_ = false;
};

// While it lives, sendfile on the socket returns instead of waiting.
class NonBlocking {
 public:
  explicit NonBlocking(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
    if (flags_ < 0 || ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK) != 0) farhand::throw_errno("fcntl");
  }
  NonBlocking(const NonBlocking&) = delete;
  NonBlocking& operator=(const NonBlocking&) = delete;
  ~NonBlocking() { ::fcntl(fd_, F_SETFL, flags_); }

 private:
  int fd_;
  int flags_;
};

void wait_for_room(int socket, farhand::Deadline until) {
  pollfd entry{socket, POLLOUT, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, until.poll_timeout());
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) farhand::throw_errno("poll");
    if (ready == 0 && until.passed()) farhand::throw_errno("sendfile", ETIMEDOUT);
  }
}

}  // namespace

std::uint64_t FileSender::send(int file, std::uint64_t offset, std::uint64_t count) const {
  std::optional<NonBlocking> guard;
  if (timeout_) guard.emplace(socket_);
  std::uint64_t done = 0;
  for (bool copies = false; done < count;) {
    const auto sent =
        copies ? copy_some(file, offset + done, count - done) : send_some(file, offset + done, count - done);
    copies = copies || !sent;
    if (sent == 0) break;
    done += sent.value_or(0);
  }
  return done;
}

farhand::Deadline FileSender::deadline() const {
  return timeout_ ? farhand::Deadline::after(*timeout_) : farhand::Deadline::never();
}

std::optional<std::uint64_t> FileSender::send_some(int file, std::uint64_t offset, std::uint64_t count) const {
  const auto until = deadline();
  const auto most = static_cast<std::size_t>(std::min(count, kMostAtOnce));
  WithoutSigpipe quiet;
  for (;;) {
    auto position = static_cast<off_t>(offset);
    const auto moved = ::sendfile(socket_, file, &position, most);
    // A peer that goes in the middle of the call is told by the count, and by the signal all the same.
    if (moved < 0 ? errno == EPIPE : static_cast<std::size_t>(moved) < most) quiet.note_raised();
    if (moved >= 0) return static_cast<std::uint64_t>(moved);
    if (errno == EINVAL || errno == ENOSYS) return std::nullopt;
    if (errno == EAGAIN) {
      wait_for_room(socket_, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("sendfile");
    }
  }
}

std::uint64_t FileSender::copy_some(int file, std::uint64_t offset, std::uint64_t count) const {
  std::array<std::byte, kCopyBytes> piece{};
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece.size()));
  const auto until = deadline();
  const ssize_t got = farhand::read_at(file, farhand::MutableBytes(piece).first(wanted), offset);
  if (got < 0) farhand::throw_errno("pread");
  while (got > 0) {
    const auto sent = ::send(socket_, piece.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::uint64_t>(sent);
    if (errno == EAGAIN) {
      wait_for_room(socket_, until);
    } else if (errno != EINTR) {
      farhand::throw_errno("send");
    }
  }
  return 0;
}

}  // namespace socketserver
