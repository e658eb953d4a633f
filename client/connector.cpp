// From the options to a stream.
#include "client/connector.h"

#include <chrono>

#include "common/escape.h"
#include "common/paths.h"
#include "common/stream/connect.h"
#include "common/stream/plain_stream.h"
#include "common/stream/tls_stream.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kConnectTime{
    10};  // connection and handshake together; looking a name up has the resolver's own deadline

Result<Host> chosen_host(const ClientOptions& options) {
  if (!options.host.empty()) return parse_host(options.host);
  return Host{Host::Kind::kUnix, default_socket_path(), {}, kDefaultPort};
}

Result<std::unique_ptr<TlsContext>> tls_for(const ClientOptions& options, const Host& host) {
  if (host.kind != Host::Kind::kTls) return std::unique_ptr<TlsContext>();
  if (options.tls.certificate.empty() || options.tls.key.empty() || options.server_pin.empty()) {
    return fail(ErrorCode::kUsage, farhand::quoted(host_text(host)) +
                                       " is reached under TLS, which takes --tls-cert, --tls-key and --tls-server-pin");
  }
  TRY_ASSIGN(const KeyPin pin, parse_pin(options.server_pin));
  TRY_ASSIGN(TlsContext context, TlsContext::for_client(options.tls, pin));
  return std::make_unique<TlsContext>(std::move(context));
}

}  // namespace

Connector::Connector(Host host, std::unique_ptr<TlsContext> tls) : host_(std::move(host)), tls_(std::move(tls)) {}

Result<Connector> Connector::make(const ClientOptions& options) {
  TRY_ASSIGN(Host host, chosen_host(options));
  TRY_ASSIGN(auto tls, tls_for(options, host));
  return Connector(std::move(host), std::move(tls));
}

Result<std::unique_ptr<Stream>> Connector::connect() const {
  const Deadline deadline = Deadline::after(kConnectTime);
  if (host_.kind == Host::Kind::kUnix) {
    TRY_ASSIGN(UniqueFd socket, connect_unix(host_.path, deadline));
    return make_plain_stream(std::move(socket));
  }
  TRY_ASSIGN(UniqueFd socket, connect_tcp(host_.name, host_.port, deadline));
  if (host_.kind == Host::Kind::kPlain) return make_plain_stream(std::move(socket));
  TRY_ASSIGN(auto stream, TlsStream::connect(std::move(socket), *tls_, deadline));
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace farhand
