// UnixSocketFile: the file that a Unix socket is bound to, from its creation with the right mode to its removal.
//
// Everything happens relative to a descriptor of the parent directory: a path of any length works, and a later chdir
// does not matter. Only the last component is limited, by sockaddr_un's 108 bytes.
//
// Ownership: removes the file in the destructor, only if it still is the one it made. Destroy it before the socket
//            closes: until then the file's inode number cannot be reused.
// Errors:    std::system_error; EADDRINUSE for a path that is taken.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/unique_fd.h"
#include "server/socketserver/options.h"

namespace socketserver {

class UnixSocketFile {
 public:
  // Opens the parent directory and, if stale sockets are to be replaced, takes PATH.lock.
  UnixSocketFile(const std::string& path, UnixSocketOptions options);
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;
  ~UnixSocketFile();

  // Binds the socket, which must not listen yet: nobody can connect before the permissions are right. (A datagram
  // socket takes packets once it is bound; its file is never wider than asked for.)
  void bind(int socket_fd);

  // In a forked child: the file and its lock are the parent's, and stay.
  void forget() noexcept;

 private:
  void take_lock();
  [[nodiscard]] bool lock_is_still_the_file() const;
  void remove_if_stale() const;
  [[nodiscard]] bool is_alive() const;
  void bind_with_mode(int socket_fd) const;
  void widen_to_mode();
  [[nodiscard]] std::string native_path() const;
  [[noreturn]] void fail(int error, const char* call) const;

  std::string path_;
  std::string name_;  // the last component
  UnixSocketOptions options_;
  farhand::UniqueFd directory_;
  farhand::UniqueFd lock_;  // closing it releases the lock
  bool made_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace socketserver
