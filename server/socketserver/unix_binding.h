// UnixBinding: how UnixStreamServer and UnixDatagramServer bind, and the life of their socket file.
//
// Ownership: owns the file, not the socket. release() it before the socket closes: while the socket is open its inode
//            number cannot be given to another file.
#pragma once

#include <memory>
#include <string>

#include "common/unique_fd.h"
#include "server/socketserver/options.h"
#include "server/socketserver/unix_socket_file.h"

namespace socketserver {

class UnixBinding {
 public:
  // The options with what they leave open settled. `type` is the class's own socket type.
  [[nodiscard]] static ServerOptions settled(ServerOptions options, int type);

  // A new socket bound to a new file at `path`. `flags` are socket(2)'s, such as SOCK_NONBLOCK.
  [[nodiscard]] farhand::UniqueFd bind(const std::string& path, const ServerOptions& options, int flags);
  // Removes the file. Repeatable.
  void release() noexcept { file_.reset(); }
  // In a forked child: the file is the parent's.
  void forget() noexcept;

 private:
  std::unique_ptr<UnixSocketFile> file_;
};

}  // namespace socketserver
