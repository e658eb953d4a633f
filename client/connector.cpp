// From the options to a stream.
#include "client/connector.h"

#include "common/stream/connect.h"
#include "common/stream/plain_stream.h"
#include "common/stream/tls_stream.h"

namespace farhand {
Connector::Connector(Target target, std::unique_ptr<TlsContext> tls, Route route, std::string user)
    : target_(std::move(target)), tls_(std::move(tls)), route_(std::move(route)), user_(std::move(user)) {}

Result<Connector> Connector::make(const ClientOptions& options) {
  TRY_ASSIGN(Target target, find_target(options));
  if (target.host.kind != Host::Kind::kTls) return Connector(std::move(target), nullptr, options.route, options.as);
  TRY_ASSIGN(TlsContext tls, client_context(options.tls, *target.trust));
  return Connector(std::move(target), std::make_unique<TlsContext>(std::move(tls)), options.route, options.as);
}

Result<Connector> Connector::to(const Host& host, const TlsFiles& own, const KeyPin& pin) {
  TRY_ASSIGN(TlsContext tls, client_context(own, pin));
  return Connector(Target{host, pin, {}}, std::make_unique<TlsContext>(std::move(tls)), Route{});
}

// A known host with another key: what to do depends on why, and only a person can know that.
Error Connector::explained(Error error) const {
  if (error.code != ErrorCode::kWrongIdentity || target_.alias.empty()) return error;
  error.message = host() + " (" + target_.alias + "): " + error.message +
                  "; to pair again, have its owner run rserver " + "invite there, then run  rclient pair " + host() +
                  " CODE --as " + target_.alias + " --replace  here";
  return error;
}

// Who answers with another key is not asked again.
Result<std::unique_ptr<Stream>> Connector::connect() const {
  for (unsigned attempt = 1;; ++attempt) {
    auto stream = connect_once();
    if (stream || attempt >= route_.attempts || stream.error().code != ErrorCode::kCannotConnect) return stream;
  }
}

Result<std::unique_ptr<Stream>> Connector::connect_once() const {
  const Deadline deadline = Deadline::after(route_.connect_time);
  if (target_.host.kind == Host::Kind::kUnix) {
    TRY_ASSIGN(UniqueFd socket, connect_unix(target_.host.path, deadline));
    return make_plain_stream(std::move(socket));
  }
  TRY_ASSIGN(UniqueFd socket, connect_tcp(target_.host.name, target_.host.port, deadline, route_.family));
  if (target_.host.kind == Host::Kind::kPlain) return make_plain_stream(std::move(socket));
  auto stream = TlsStream::connect(std::move(socket), *tls_, deadline);
  if (!stream) return fail(explained(std::move(stream).error()));
  return std::unique_ptr<Stream>(*std::move(stream));
}

}  // namespace farhand
