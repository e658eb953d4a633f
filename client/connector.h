// Connector: from the options to a stream to the server: which host, plain or TLS, whom to trust.
#pragma once

#include <memory>
#include <string>

#include "client/command_line.h"
#include "client/sharing/plan.h"
#include "client/target.h"
#include "common/host.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"

namespace farhand {

// Ownership: shares the TLS context with its copies: a connection that is to stay has one of its own. Threads: one;
// connect() of one that has connected before: any.
class Connector {
 public:
  // Reads keys and known hosts; nothing is connected yet. kUsage, or the trouble with a file.
  static Result<Connector> make(const ClientOptions& options);

  // The same for a server that is not known yet: whoever holds the key of `pin`.
  static Result<Connector> to(const Host& host, const TlsFiles& own, const KeyPin& pin);

  // To the keeper of such a connection, which has been greeted already; null: there is none that could serve.
  std::unique_ptr<Stream> connect_to_keeper() const;

  // kCannotConnect, kWrongIdentity, kTimedOut, ...
  Result<std::unique_ptr<Stream>> connect() const;

  [[nodiscard]] std::string host() const { return host_text(target_.host); }
  // Whom to be there; empty: nobody in particular.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  // How long connecting may take.
  [[nodiscard]] std::chrono::seconds patience() const noexcept { return route_.connect_time; }
  // How long a connection stays that nobody uses; 0: it does not.
  [[nodiscard]] std::chrono::seconds stays() const noexcept { return plan_ ? plan_->stays : std::chrono::seconds(0); }
  [[nodiscard]] std::string keeper_name() const { return plan_ ? plan_->name : std::string(); }
  // What its user calls it: the alias, if it has one.
  [[nodiscard]] std::string name() const { return target_.alias.empty() ? host() : target_.alias; }

 private:
  explicit Connector(Target target) : target_(std::move(target)) {}
  Result<void> make_context() const;
  Result<std::unique_ptr<Stream>> connect_once() const;
  Error explained(Error error) const;
  Target target_;
  TlsFiles own_;
  // kTls only, and only once it is needed: where a keeper serves it never is.
  mutable std::shared_ptr<const TlsContext> tls_;
  Route route_;
  std::string user_;
  std::optional<SharingPlan> plan_;
};

}  // namespace farhand
