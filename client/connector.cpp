// From the options to a stream.
#include "client/connector.h"

#include "client/sharing/place.h"
#include "common/escape.h"
#include "common/paths.h"
#include "common/stream/connect.h"
#include "common/stream/plain_stream.h"
#include "common/stream/tls_stream.h"

namespace farhand {
namespace {

// What is settled does not matter to whoever names a local socket: no directory is looked at then.
Result<ClientConfiguration> configuration_for(const ClientOptions& options) {
  const auto host = parse_host(options.host);
  if (host && host->kind == Host::Kind::kUnix) return ClientConfiguration();
  if (options.host.empty()) return ClientConfiguration::load(client_config_directory());
  return ClientConfiguration::load_if_readable(client_config_directory());
}

}  // namespace

Result<Connector> Connector::make(const ClientOptions& given) {
  TRY_ASSIGN(const ClientConfiguration configuration, configuration_for(given));
  ClientOptions options = given;
  if (options.host.empty()) options.host = configuration.host;
  TRY_ASSIGN(Target target, find_target(options));
  Connector connector(std::move(target));
  connector.own_ = options.tls;
  connector.route_ = options.route;
  connector.user_ = options.as;
  connector.plan_ = plan_sharing(connector.target_, options, configuration);
  if (!connector.plan_ || !may_have_keeper(connector.plan_->name)) TRY(connector.make_context());
  return connector;
}

Result<Connector> Connector::to(const Host& host, const TlsFiles& own, const KeyPin& pin) {
  Connector connector(Target{host, pin, {}});
  connector.own_ = own;
  TRY(connector.make_context());
  return connector;
}

Result<void> Connector::make_context() const {
  if (tls_ || target_.host.kind != Host::Kind::kTls) return {};
  TRY_ASSIGN(TlsContext tls, client_context(own_, *target_.trust));
  tls_ = std::make_shared<const TlsContext>(std::move(tls));
  return {};
}

// A known host with another key: what to do depends on why, and only a person can know that.
Error Connector::explained(Error error) const {
  if (error.code != ErrorCode::kWrongIdentity || target_.alias.empty()) return error;
  const std::string where = escape_for_display(host());
  error.message = where + " (" + target_.alias + "): " + error.message +
                  "; to pair again, have its owner run rserver " + "invite there, then run  rclient pair " + where +
                  " CODE --as " + target_.alias + " --replace  here";
  return error;
}

// The keeper speaks first, and only if it has a connection: until then nothing has been asked.
std::unique_ptr<Stream> Connector::connect_to_keeper() const {
  if (!plan_ || !may_have_keeper(plan_->name)) return nullptr;
  auto line = call_keeper(plan_->name);
  if (!line || !has_spoken(line->socket.get(), Deadline::after(route_.connect_time))) return nullptr;
  return make_plain_stream(std::move(line->socket));
}

// Who answers with another key is not asked again.
Result<std::unique_ptr<Stream>> Connector::connect() const {
  TRY(make_context());
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
