// Connector: from the options to a stream to the server: which host, plain or TLS, whom to trust.
#pragma once

#include <memory>
#include <string>

#include "client/command_line.h"
#include "client/target.h"
#include "common/host.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"

namespace farhand {

// Ownership: owns the TLS context, so it outlives the streams it makes. Threads: one.
class Connector {
 public:
  // Reads keys and known hosts; nothing is connected yet. kUsage, or the trouble with a file.
  static Result<Connector> make(const ClientOptions& options);

  // The same for a server that is not known yet: whoever holds the key of `pin`.
  static Result<Connector> to(const Host& host, const TlsFiles& own, const KeyPin& pin);

  // kCannotConnect, kWrongIdentity, kTimedOut, ...
  Result<std::unique_ptr<Stream>> connect() const;

  [[nodiscard]] std::string host() const { return host_text(target_.host); }
  // Whom to be there; empty: nobody in particular.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  // What its user calls it: the alias, if it has one.
  [[nodiscard]] std::string name() const { return target_.alias.empty() ? host() : target_.alias; }

 private:
  Connector(Target target, std::unique_ptr<TlsContext> tls, Route route, std::string user = {});
  Result<std::unique_ptr<Stream>> connect_once() const;
  Error explained(Error error) const;
  Target target_;
  std::unique_ptr<TlsContext> tls_;  // kTls only
  Route route_;
  std::string user_;
};

}  // namespace farhand
