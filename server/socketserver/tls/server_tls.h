// ServerTls: a server's key and certificate, and the step that puts one connection under TLS.
//
// TLS 1.3 only, which every client that is kept up speaks. Clients show no certificate. There is no switch for what
// would make it weaker; a server that must know its clients asks them in its own protocol.
//
// Ownership: a copy shares the key. Threads: const after construction; handlers on any thread may share one.
// Errors:    std::runtime_error for files of no use; std::system_error from wrap().
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/export.h"
#include "server/socketserver/stream_request.h"

namespace farhand {
class TlsContext;
}

namespace socketserver {

class FARHAND_API ServerTls {
 public:
  // PEM files: the certificate, with its chain behind it, and its key, unencrypted. Throws std::runtime_error with a
  // sentence that names the file.
  ServerTls(const std::string& certificate_file, const std::string& key_file);

  // Shakes hands on the request's connection and wraps it: from then on what the handler sends and receives goes
  // through TLS. A client that fails, or is not done in time, ends the request: std::system_error, EPROTO or ETIMEDOUT.
  void wrap(StreamRequest& request, std::chrono::milliseconds handshake_timeout = std::chrono::seconds(10)) const;

 private:
  std::shared_ptr<const farhand::TlsContext> context_;
};

}  // namespace socketserver
