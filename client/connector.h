// Connector: from the options to a stream to the server: which host, plain or TLS, which pin.
#pragma once

#include <memory>
#include <string>

#include "client/command_line.h"
#include "common/host.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"

namespace farhand {

// Ownership: owns the TLS context, so it outlives the streams it makes. Threads: one.
class Connector {
 public:
  // Reads keys and pin; nothing is connected yet. kUsage, or the trouble with a file.
  static Result<Connector> make(const ClientOptions& options);

  // kCannotConnect, kWrongIdentity, kTimedOut, ...
  Result<std::unique_ptr<Stream>> connect() const;

  [[nodiscard]] std::string host() const { return host_text(host_); }

 private:
  Connector(Host host, std::unique_ptr<TlsContext> tls);
  Host host_;
  std::unique_ptr<TlsContext> tls_;  // kTls only
};

}  // namespace farhand
