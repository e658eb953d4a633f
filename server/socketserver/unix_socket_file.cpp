// UnixSocketFile: bind, permissions, lock, removal.
#include "server/socketserver/unix_socket_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "common/result.h"

namespace socketserver {
namespace {

constexpr mode_t kPermissionBits = 07777;
constexpr const char* kLockSuffix = ".lock";

sockaddr_un native_address(const std::string& path) {
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  if (path.size() >= sizeof native.sun_path) {
    throw std::system_error(ENAMETOOLONG, std::generic_category(), "the last part of the path of a Unix socket");
  }
  std::memcpy(native.sun_path, path.c_str(), path.size() + 1);
  return native;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

UnixSocketFile::UnixSocketFile(const std::string& path, UnixSocketOptions options)
    : path_(path),
      name_(path.substr(path.rfind('/') + 1)),
      options_(options),
      directory_(::open(parent_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  if (!directory_) fail(errno, "open the directory of");
  if (name_.empty()) fail(EISDIR, "bind");
  if (options_.replace_stale_socket) take_lock();
}

UnixSocketFile::~UnixSocketFile() {
  struct stat now {};
  const bool there = made_ && ::fstatat(directory_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && now.st_dev == device_ && now.st_ino == inode_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  // While the lock is held: whoever opened the file before sees in take_lock that it is gone.
  if (lock_) ::unlinkat(directory_.get(), (name_ + kLockSuffix).c_str(), 0);
}

void UnixSocketFile::forget() noexcept {
  made_ = false;
  // Our copy only: the parent's keeps the lock.
  lock_.reset();
}

void UnixSocketFile::fail(int error, const char* call) const {
  throw std::system_error(error, std::generic_category(), std::string(call) + " " + path_);
}

void UnixSocketFile::take_lock() {
  const std::string lock_name = name_ + kLockSuffix;
  do {
    lock_.reset(::openat(directory_.get(), lock_name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock_) fail(errno, "open the lock of");
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      const int error = errno == EWOULDBLOCK ? EADDRINUSE : errno;
      lock_.reset();
      fail(error, "lock");
    }
    // A server that ends removes its lock file. If that came between our two calls we hold a file that nobody else
    // will find.
  } while (!lock_is_still_the_file());
}

bool UnixSocketFile::lock_is_still_the_file() const {
  struct stat held {};
  struct stat found {};
  if (::fstat(lock_.get(), &held) != 0) fail(errno, "stat the lock of");
  const std::string lock_name = name_ + kLockSuffix;
  return ::fstatat(directory_.get(), lock_name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

void UnixSocketFile::bind(int socket_fd) {
  if (options_.replace_stale_socket) remove_if_stale();
  bind_with_mode(socket_fd);
  struct stat made {};
  if (::fstatat(directory_.get(), name_.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) fail(errno, "stat");
  made_ = true;
  device_ = made.st_dev;
  inode_ = made.st_ino;
  if ((made.st_mode & kPermissionBits) != options_.mode) widen_to_mode();
}

void UnixSocketFile::remove_if_stale() const {
  struct stat found {};
  if (::fstatat(directory_.get(), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    fail(errno, "stat");
  }
  if (!S_ISSOCK(found.st_mode) || is_alive()) fail(EADDRINUSE, "bind");
  if (::unlinkat(directory_.get(), name_.c_str(), 0) != 0 && errno != ENOENT) fail(errno, "unlink");
}

// The lock is ours, but a server that takes no lock may be there. A datagram socket asks: it puts no connection into
// that server's queue, and a stream socket that is bound and does not listen yet would refuse one of its own kind.
bool UnixSocketFile::is_alive() const {
  const farhand::UniqueFd probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) fail(errno, "socket for");
  const sockaddr_un native = native_address(native_path());
  const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native);
  // Only a refusal proves that nobody is there: another socket type (EPROTOTYPE) or missing permission do not.
  return connected == 0 || errno != ECONNREFUSED;
}

void UnixSocketFile::bind_with_mode(int socket_fd) const {
  // Linux gives the file the socket's own mode, less the umask: set before, it is never wider than asked for. Setting
  // the umask instead would race with every other thread that makes a file.
  if (::fchmod(socket_fd, options_.mode) != 0) fail(errno, "chmod");
  const sockaddr_un native = native_address(native_path());
  if (::bind(socket_fd, reinterpret_cast<const sockaddr*>(&native), sizeof native) != 0) fail(errno, "bind");
}

// What the umask took away comes back, through a descriptor that is known to be our file.
void UnixSocketFile::widen_to_mode() {
  const farhand::UniqueFd file(::openat(directory_.get(), name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0) fail(errno, "open");
  if (found.st_dev != device_ || found.st_ino != inode_) fail(EADDRINUSE, "bind");
  // chmod(2) follows /proc's link to the file itself; fchmod refuses an O_PATH descriptor.
  const std::string itself = "/proc/self/fd/" + std::to_string(file.get());
  if (::chmod(itself.c_str(), options_.mode) != 0) fail(errno, "chmod");
}

std::string UnixSocketFile::native_path() const {
  if (path_.size() < sizeof(sockaddr_un::sun_path)) return path_;
  return "/proc/self/fd/" + std::to_string(directory_.get()) + "/" + name_;
}

}  // namespace socketserver
