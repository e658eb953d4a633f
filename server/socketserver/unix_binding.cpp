// A Unix socket and its file.
#include "server/socketserver/unix_binding.h"

#include <sys/socket.h>

#include <utility>

#include "server/socketserver/native_socket.h"

namespace socketserver {

ServerOptions UnixBinding::settled(ServerOptions options, int type) {
  options.address_family = AF_UNIX;
  if (options.socket_type == 0) options.socket_type = type;
  return options;
}

farhand::UniqueFd UnixBinding::bind(const std::string& path, const ServerOptions& options, int flags) {
  farhand::UniqueFd socket = make_socket(AF_UNIX, options.socket_type | flags);
  auto file = std::make_unique<UnixSocketFile>(path, options.unix_socket);
  file->bind(socket.get());
  file_ = std::move(file);
  return socket;
}

void UnixBinding::forget() noexcept {
  if (file_) file_->forget();
  file_.reset();
}

}  // namespace socketserver
