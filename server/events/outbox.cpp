// Outbox over sendmsg(2) and sendfile(2), or pread(2) where a file system does not splice.
#include "server/events/outbox.h"

#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace events {
namespace {

// The least room of a piece: small writes share one. The first is a page, and what follows is for those that fall
// behind.
constexpr std::size_t kFirstPieceBytes = 4 * 1024;
constexpr std::size_t kPieceBytes = 16 * 1024;
// Pieces per call: with 16 KiB each, a turn's worth.
constexpr std::size_t kPiecesAtOnce = 16;

// sendfile(2) has no MSG_NOSIGNAL. While this lives, the thread's SIGPIPE is held back, and one that came is taken
// away.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigset_t pending{};
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&only_);
    ::sigaddset(&only_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &only_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    const timespec now{};
    if (raised_ && !was_pending_) ::sigtimedwait(&only_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void raised() noexcept { raised_ = true; }  // or that it may have been

 private:
  sigset_t only_{};
  sigset_t before_{};
  bool was_pending_ = false;
  bool raised_ = false;
};

}  // namespace

void Outbox::append(farhand::Bytes bytes) {
  const bool fits = !pieces_.empty() && !pieces_.back().file &&
                    pieces_.back().bytes.capacity() - pieces_.back().bytes.size() >= bytes.size();
  if (!fits) {
    Piece piece;
    piece.bytes.reserve(std::max(bytes.size(), pieces_.empty() ? kFirstPieceBytes : kPieceBytes));
    pieces_.push_back(std::move(piece));
  }
  auto& last = pieces_.back().bytes;
  last.insert(last.end(), bytes.begin(), bytes.end());
  bytes_ += bytes.size();
}

void Outbox::append_file(farhand::UniqueFd file, std::uint64_t offset, std::uint64_t length_bytes) {
  Piece piece;
  piece.file = std::move(file);
  piece.offset = static_cast<off_t>(offset);
  piece.left = length_bytes;
  pieces_.push_back(std::move(piece));
  ++files_;
}

Outbox::Sent Outbox::send(int socket, std::size_t most) noexcept {
  return pieces_.front().file ? send_from_file(socket, most) : send_bytes(socket, most);
}

Outbox::Sent Outbox::send_bytes(int socket, std::size_t most) noexcept {
  std::array<iovec, kPiecesAtOnce> parts{};
  std::size_t count = 0;
  std::size_t total = 0;
  auto piece = pieces_.begin();
  for (; piece != pieces_.end() && !piece->file && count < parts.size() && total < most; ++piece, ++count) {
    parts[count] = {piece->bytes.data() + piece->sent, std::min(piece->bytes.size() - piece->sent, most - total)};
    total += parts[count].iov_len;
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  // A header and the file behind it leave in full packets.
  const int more = piece != pieces_.end() && piece->file ? MSG_MORE : 0;
  const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL | more);
  if (sent < 0) return {0, errno, false};
  consume(static_cast<std::size_t>(sent));
  return {static_cast<std::size_t>(sent), 0, false};
}

void Outbox::consume(std::size_t count) noexcept {
  bytes_ -= count;
  while (count > 0) {
    Piece& first = pieces_.front();
    const std::size_t taken = std::min(count, first.bytes.size() - first.sent);
    first.sent += taken;
    count -= taken;
    if (first.sent == first.bytes.size()) pieces_.pop_front();
  }
}

Outbox::Sent Outbox::send_from_file(int socket, std::size_t most) noexcept {
  Piece& first = pieces_.front();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(first.left, most));
  NoSigpipe guard;
  const ssize_t sent = ::sendfile(socket, first.file.get(), &first.offset, count);
  const int error = errno;
  // A peer that goes in the middle of the call is told by the count, and by the signal all the same.
  if (sent < 0 ? error == EPIPE : static_cast<std::size_t>(sent) < count) guard.raised();
  if (sent < 0 && (error == EINVAL || error == ENOSYS)) return copy_from_file(socket, most);
  if (sent < 0) return {0, error, false};
  return sent_of_file(static_cast<std::size_t>(sent));
}

Outbox::Sent Outbox::copy_from_file(int socket, std::size_t most) noexcept {
  Piece& first = pieces_.front();
  std::array<std::byte, kPieceBytes> piece{};
  const auto wanted = std::min<std::uint64_t>({first.left, most, piece.size()});
  const ssize_t got = ::pread(first.file.get(), piece.data(), static_cast<std::size_t>(wanted), first.offset);
  if (got < 0) return {0, errno, false};
  if (got == 0) return sent_of_file(0);
  const ssize_t sent = ::send(socket, piece.data(), static_cast<std::size_t>(got), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return {0, errno, false};
  first.offset += sent;
  return sent_of_file(static_cast<std::size_t>(sent));
}

Outbox::Sent Outbox::sent_of_file(std::size_t count) noexcept {
  if (count == 0) return {0, 0, true};
  Piece& first = pieces_.front();
  first.left -= count;
  if (first.left == 0) {
    pieces_.pop_front();
    --files_;
  }
  return {count, 0, false};
}

}  // namespace events
