// From -H to an address and a trust.
#include "client/target.h"

#include "client/identity.h"
#include "common/escape.h"
#include "common/paths.h"

namespace farhand {
namespace {

Target target_of(const KnownHost& known) {
  return Target{known.host, known.trust(), known.alias};
}

// What the options themselves say; nothing if they leave it to hosts.toml.
Result<std::optional<ServerTrust>> trust_of(const ClientOptions& options, const std::string& name) {
  if (!options.server_pin.empty()) {
    TRY_ASSIGN(const KeyPin pin, parse_pin(options.server_pin));
    return std::optional<ServerTrust>(pin);
  }
  if (options.ca.empty()) return std::optional<ServerTrust>();
  return std::optional<ServerTrust>(NamedByCa{options.ca, options.verify_name.empty() ? name : options.verify_name});
}

Error not_known(const Host& host, const std::string& whence) {
  const std::string where = host_text(host);
  const bool can_be_pasted = where.find_first_of(" \t\n'\"\\$*?(){}<>|&;!#~`") == std::string::npos;
  return Error{ErrorCode::kUsage,
               farhand::quoted(where) + whence +
                   " is not known here, and nothing was sent to it: have its owner run rserver "
                   "invite there, then run  rclient pair " +
                   (can_be_pasted ? escape_for_display(where) : std::string("HOST:PORT")) +
                   " CODE  here (or give --tls-server-pin, or --ca)",
               false};
}

Host by_way_of(Host host, const Route& route) {
  if (!route.name.empty()) host.name = route.name;
  host.port = route.port.value_or(host.port);
  return host;
}

// The address of a host that is no alias; `text` is what it was read from.
Host address_of(Host host, const std::string& text, const Route& route) {
  if (host.kind == Host::Kind::kTls && !names_port(text)) {
    if (!route.elsewhere_name.empty()) host.name = route.elsewhere_name;
    host.port = route.elsewhere_port.value_or(host.port);
  }
  return by_way_of(std::move(host), route);
}

// Of an address that a configuration of another program has led to: where that stands, and whether the host is known at
// another port, which is likely to be what was meant.
std::string whence(const Host& host, const std::string& text, const Route& route, const KnownHosts& known) {
  if (route.elsewhere.empty() || names_port(text)) return {};
  std::string words = " (by " + route.elsewhere;
  for (const KnownHost& each : known.hosts()) {
    if (each.host.kind != Host::Kind::kTls || each.host.name != host.name) continue;
    return words + ", while " + each.alias + " is known at port " + std::to_string(each.host.port) + ")";
  }
  return words + ")";
}

Result<Target> find_known(const std::string& text, const Route& route) {
  TRY_ASSIGN(const KnownHosts known, KnownHosts::load(client_config_directory()));
  TRY_ASSIGN(const auto by_alias, known.find_alias(text));
  if (by_alias) {
    Target target = target_of(*by_alias);
    target.host = by_way_of(std::move(target.host), route);
    return target;
  }
  TRY_ASSIGN(Host host, parse_host(text));
  host = address_of(std::move(host), text, route);
  TRY_ASSIGN(const auto by_address, known.find_address(host));
  if (by_address) return target_of(*by_address);
  return fail(not_known(host, whence(host, text, route, known)));
}

}  // namespace

Result<Target> find_target(const ClientOptions& options) {
  if (options.host.empty()) return Target{Host{Host::Kind::kUnix, default_socket_path(), {}, kDefaultPort}, {}, {}};
  auto host = parse_host(options.host);
  if (!host) return find_known(options.host, options.route);
  *host = address_of(*std::move(host), options.host, options.route);
  if (host->kind != Host::Kind::kTls) return Target{*host, {}, {}};
  TRY_ASSIGN(auto trust, trust_of(options, host->name));
  if (trust) return Target{*host, std::move(trust), {}};
  return find_known(options.host, options.route);
}

Result<TlsContext> client_context(const TlsFiles& files, const ServerTrust& trust) {
  if (!files.certificate.empty()) return TlsContext::for_client(files, trust);
  TRY_ASSIGN(const TlsIdentity identity, client_identity());
  return TlsContext::for_client(identity, trust);
}

}  // namespace farhand
