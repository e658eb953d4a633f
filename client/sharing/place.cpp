// The keeper's socket: found, made, and taken away.
#include "client/sharing/place.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/check.h"
#include "common/escape.h"
#include "common/paths.h"

namespace farhand {
namespace {

constexpr int kBacklog = 128;
// Whoever holds the lock holds it for a moment, and a command that has ended is not to be held up by one that is
// stopped.
constexpr std::chrono::milliseconds kPatience{500};
constexpr mode_t kOwnerOnly = 0600;
constexpr std::size_t kMostNameBytes = sizeof(sockaddr_un::sun_path) - sizeof "/proc/self/fd/2147483647/";

// Through the descriptor, so that it is the directory that was looked at, however long its path is.
sockaddr_un address_of(const PrivateDirectory& directory, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(directory.fd()) + "/" + name;
  sockaddr_un address{};
  FARHAND_ASSERT(path.size() < sizeof address.sun_path);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

UniqueFd make_socket() {
  UniqueFd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) throw_errno("socket");
  return made;
}

// 0, or the error number.
int connect_in(const PrivateDirectory& directory, const std::string& name, int socket) {
  const sockaddr_un address = address_of(directory, name);
  // The one cast that the sockets interface demands.
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

std::optional<ucred> peer_of(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
  return peer;
}

}  // namespace

std::string keepers_directory() {
  return runtime_directory() + "/keepers";
}

bool may_have_keeper(const std::string& name) noexcept {
  return ::access((keepers_directory() + "/" + name).c_str(), F_OK) == 0;
}

Result<KeeperLine> call_keeper(const std::string& name) {
  TRY_ASSIGN(const PrivateDirectory directory, PrivateDirectory::open(keepers_directory()));
  KeeperLine line{make_socket(), 0};
  const int error = connect_in(directory, name, line.socket.get());
  if (error != 0) {
    return fail(error == ENOENT || error == ECONNREFUSED ? ErrorCode::kNotFound : ErrorCode::kBusy,
                "nobody answers at " + farhand::quoted(directory.path_of(name)) + ": " + errno_text(error));
  }
  const auto peer = peer_of(line.socket.get());
  if (!peer || peer->uid != ::geteuid()) {
    return fail(ErrorCode::kNoPermission, "another user listens at " + farhand::quoted(directory.path_of(name)));
  }
  line.pid = peer->pid;
  return line;
}

Result<std::vector<std::string>> keeper_names(const std::string& beginning) {
  std::vector<std::string> names;
  TRY_ASSIGN(const PrivateDirectory directory, PrivateDirectory::open(keepers_directory()));
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory.path(), error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename();
    if (name.starts_with(beginning) && name.size() <= kMostNameBytes) names.push_back(std::move(name));
  }
  if (error) return fail(errno_error(error.value(), farhand::quoted(directory.path()) + " cannot be read"));
  return names;
}

// Under the lock nobody is about to listen there.
void sweep_keeper(const std::string& name) noexcept {
  try {
    const auto directory = PrivateDirectory::open(keepers_directory());
    const auto lock = directory ? directory->lock(Deadline::after(kPatience)) : fail(directory.error());
    if (!lock || connect_in(*directory, name, make_socket().get()) != ECONNREFUSED) return;
    ::unlinkat(directory->fd(), name.c_str(), 0);
  } catch (const std::exception&) {  // then the next keeper of that name finds it stale
  }
}

bool has_spoken(int socket, Deadline deadline) {
  pollfd entry{socket, POLLIN, 0};
  while (::poll(&entry, 1, deadline.poll_timeout()) <= 0) {
    if (errno != EINTR || deadline.passed()) return false;
  }
  char first = 0;
  return ::recv(socket, &first, 1, MSG_PEEK) == 1;
}

// ---------------------------------------------------------------------------------------------------------------------
// The listening end

Result<std::optional<KeeperSocket>> KeeperSocket::open(const std::string& name) {
  TRY_ASSIGN(PrivateDirectory directory, PrivateDirectory::open_or_make(keepers_directory()));
  TRY_ASSIGN(UniqueFd lock, directory.lock(Deadline::after(kPatience)));
  const int error = connect_in(directory, name, make_socket().get());
  if (error == 0 || error == EAGAIN) return std::optional<KeeperSocket>();
  if (::unlinkat(directory.fd(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail(errno_error(errno, farhand::quoted(directory.path_of(name)) + " is in the way"));
  }
  UniqueFd listener = make_socket();
  const sockaddr_un address = address_of(directory, name);
  if (::fchmod(listener.get(), kOwnerOnly) != 0 ||  // of the name to come: not for a moment is it anybody else's
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(errno_error(errno, "the socket " + farhand::quoted(directory.path_of(name)) + " cannot be made"));
  }
  return std::optional<KeeperSocket>(KeeperSocket(std::move(directory), std::move(lock), name, std::move(listener)));
}

KeeperSocket::KeeperSocket(PrivateDirectory directory, UniqueFd lock, std::string name, UniqueFd listener)
    : directory_(std::move(directory)), lock_(std::move(lock)), name_(std::move(name)), listener_(std::move(listener)) {
  struct stat status {};
  if (::fstatat(directory_.fd(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

void KeeperSocket::listen() {
  if (::listen(listener_.get(), kBacklog) != 0) throw_errno("listen");
  lock_.reset();
}

UniqueFd KeeperSocket::accept() {
  for (;;) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return client;
    const auto peer = peer_of(client.get());
    if (peer && peer->uid == ::geteuid()) return client;
  }
}

// Its name may be another keeper's by now, if somebody has taken ours away.
void KeeperSocket::unlink() noexcept {
  try {
    lock_.reset();
    const auto lock = directory_.lock();
    struct stat status {};
    if (!lock || ::fstatat(directory_.fd(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (status.st_dev == device_ && status.st_ino == inode_) ::unlinkat(directory_.fd(), name_.c_str(), 0);
  } catch (const std::exception&) {  // then the next one finds it stale
  }
}

}  // namespace farhand
