// One server per address.
#include "server/listeners.h"

#include <unistd.h>

#include <system_error>

#include "common/check.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/paths.h"
#include "server/process/privileges.h"
#include "server/session_server.h"

namespace farhand {
namespace {

Result<TlsContext> tls_context(const ServerConfig& config, const Keyring& keyring) {
  if (!config.tls.certificate.empty()) return TlsContext::for_server(config.tls, config.client_ca);
  return TlsContext::for_server(keyring.identity, config.client_ca);
}

Result<std::vector<uid_t>> guests_of(const ServerConfig& config) {
  std::vector<uid_t> guests;
  for (const std::string& name : config.allow_users) {
    TRY_ASSIGN(const UserIdentity user, look_up_user(name));
    guests.push_back(user.user);
  }
  return guests;
}

// Guests have to reach the socket; who they are is asked at the other end.
mode_t socket_mode(const ServerConfig& config) {
  return config.allow_users.empty() ? 0600 : 0666;
}

SocketCallers socket_callers(const ServerConfig& config) {
  return config.allow_users.empty() ? SocketCallers::kOwner : SocketCallers::kOthers;
}

Result<std::unique_ptr<Admission>> admission_for(const Host& host, const ServerConfig& config, const Keyring* keyring) {
  if (host.kind == Host::Kind::kUnix) {
    TRY_ASSIGN(std::vector<uid_t> guests, guests_of(config));
    return admit_unix_user(std::move(guests));
  }
  if (host.kind == Host::Kind::kPlain) return admit_loopback_user();
  FARHAND_ASSERT(keyring != nullptr);
  TRY_ASSIGN(TlsContext context, tls_context(config, *keyring));
  return admit_keys(std::move(context), keyring->store, KeyRules{config.client_pins, false});
}

// A gate meets them instead.
class NobodyIsAdmitted final : public Admission {
 public:
  Result<Admitted> admit(UniqueFd, Deadline, int) const override {
    return fail(ErrorCode::kInternal, "this address has gates");
  }
};

// Whose process strangers talk to: an account of its own where there is one.
Result<UserIdentity> gate_user() {
  auto own = look_up_user("_farhand");
  return own ? own : look_up_user("nobody");
}

Result<std::unique_ptr<GuardedEntry>> guarded_entry(const ServerConfig& config, const Keyring& keyring) {
  TRY_ASSIGN(UserIdentity user, gate_user());
  if (user.user == 0) return fail(ErrorCode::kUsage, "the user " + quoted(user.name) + " must not be root");
  return std::make_unique<GuardedEntry>(
      GuardedEntry{keyring.store, KeyRules{config.client_pins, true}, std::move(user)});
}

Error cannot_listen(const Host& host, const std::system_error& error) {
  const std::string where = quoted(host_text(host));
  if (error.code() == std::errc::address_in_use) {
    return Error{ErrorCode::kCannotConnect, "another server is listening on " + where + " already", false};
  }
  return Error{ErrorCode::kCannotConnect, "rserver cannot listen on " + where + ": " + error.code().message(), false};
}

using AnyServer = std::unique_ptr<socketserver::BaseServer>;

AnyServer make_unix_server(const Host& host, mode_t mode, Service& service, const Admission& admission,
                           SessionProcesses* forks) {
  using namespace socketserver;
  if (forks == nullptr)
    return std::make_unique<ThreadedSessions<ThreadingUnixStreamServer>>(host.path, mode, service, admission);
  return std::make_unique<ForkedSessions<ForkingUnixStreamServer>>(host.path, mode, service, admission, *forks);
}

AnyServer make_server(const Listener& listener, mode_t mode, Service& service, SessionProcesses* forks) {
  using namespace socketserver;
  const Host& host = listener.host;
  if (host.kind == Host::Kind::kUnix) return make_unix_server(host, mode, service, *listener.admission, forks);
  const Address where = Address::ip(host.name, host.port);
  if (forks == nullptr) {
    return std::make_unique<ThreadedSessions<ThreadingTCPServer>>(where, mode, service, *listener.admission);
  }
  auto server = std::make_unique<ForkedSessions<ForkingTCPServer>>(where, mode, service, *listener.admission, *forks);
  if (listener.guarded) server->guard(*listener.guarded);
  return server;
}

Result<Listener> open_listener(const Host& host, const ServerConfig& config, Service& service, const Keyring* keyring,
                               SessionProcesses* forks) {
  Listener listener;
  listener.host = host;
  if (host.kind == Host::Kind::kTls && ::geteuid() == 0) {
    TRY_ASSIGN(listener.guarded, guarded_entry(config, *keyring));
    listener.admission = std::make_unique<NobodyIsAdmitted>();
    if (!service.host_key.context) {
      TRY_ASSIGN(service.host_key.context, tls_context(config, *keyring));
    }
  } else {
    TRY_ASSIGN(listener.admission, admission_for(host, config, keyring));
  }
  if (host.kind == Host::Kind::kUnix) TRY(make_socket_directory(host.path, socket_callers(config)));
  try {
    listener.server = make_server(listener, socket_mode(config), service, forks);
    listener.server->open();
  } catch (const std::system_error& error) {
    return fail(cannot_listen(host, error));
  }
  if (host.kind != Host::Kind::kUnix) listener.host.port = listener.server->server_address().port();
  return listener;
}

}  // namespace

Result<std::vector<Listener>> open_listeners(const ServerConfig& config, Service& service, const Keyring* keyring,
                                             SessionProcesses* forks) {
  std::vector<Listener> listeners;
  for (const Host& host : config.listen) {
    TRY_ASSIGN(Listener listener, open_listener(host, config, service, keyring, forks));
    if (host.kind == Host::Kind::kPlain) {
      log::warning("--insecure: " + host_text(listener.host) + " is served without TLS, to uid " +
                   std::to_string(::geteuid()) + " alone");
    }
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

}  // namespace farhand
