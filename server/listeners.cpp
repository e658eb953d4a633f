// One server per address.
#include "server/listeners.h"

#include <sys/socket.h>

#include <system_error>

#include <farhand/socketserver.h>
#include "common/check.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/paths.h"
#include "server/limits/doorkeeper.h"
#include "server/limits/guests.h"
#include "server/session_handler.h"

namespace farhand {
namespace {

// 1024 sessions: each takes a thread, and some ten descriptors while a command runs.
constexpr std::size_t kMaxSessions = 1024;

socketserver::ServerOptions server_options() {
  socketserver::ServerOptions options;
  options.threading.max_threads = kMaxSessions;
  options.unix_socket.mode = 0600;
  options.unix_socket.replace_stale_socket = true;
  return options;
}

// Refused connections leave nothing behind, not even in the kernel's table of those that were closed: a reset.
void forget_on_close(int connection) {
  const linger at_once{1, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// Any server of the library, with a door before it and failures in our log.
template <class Server>
class SessionServer final : public Server {
 public:
  // `where`: as Server's constructor takes it.
  template <class Where>
  SessionServer(const Where& where, Service& service, const Admission& admission)
      : Server(where, socketserver::handler<NoHandler>(), server_options()), service_(service), admission_(admission) {}
  ~SessionServer() override { this->close_in_destructor(); }

 protected:
  bool verify_request(const socketserver::Request& request, const socketserver::Address& client) override {
    const int connection = static_cast<const socketserver::StreamRequest&>(request).fd();
    auto visit = service_.door.arrive(client, connection);
    if (!visit) {
      forget_on_close(connection);
      return false;
    }
    guests_.put(request, std::move(visit));
    return true;
  }

  void finish_request(socketserver::Request& request, const socketserver::Address& client) override {
    const auto visit = guests_.take(request);
    try {
      SessionHandler(service_, admission_, *visit).run(request, client, *this);
    } catch (...) {
      visit->leaves(Departure::kWell);  // the machine failed it, not the peer
      throw;
    }
  }

  void shutdown_request(socketserver::Request& request) override {
    // No thread was to be had, or it was served and is gone from the book.
    if (const auto unserved = guests_.take(request)) unserved->leaves(Departure::kWell);
    Server::shutdown_request(request);
  }

  void handle_error(std::exception_ptr error, const socketserver::Address& client) override {
    std::string what = "an unknown exception";
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      what = known.what();
    } catch (...) {  // keeps the text above
    }
    log::error("a session of " + escape_for_display(client.to_string()) + " failed: " + escape_for_display(what));
  }

 private:
  // finish_request() makes the handlers itself, since each needs its visit.
  class NoHandler : public socketserver::BaseRequestHandler {};

  Service& service_;
  const Admission& admission_;
  Guests guests_;
};

Result<TlsContext> tls_context(const ServerConfig& config, const Keyring& keyring) {
  if (!config.tls.certificate.empty()) return TlsContext::for_server(config.tls, config.client_ca);
  return TlsContext::for_server(keyring.identity, config.client_ca);
}

Result<std::unique_ptr<Admission>> admission_for(const Host& host, const ServerConfig& config, const Keyring* keyring) {
  if (host.kind == Host::Kind::kUnix) return admit_unix_user();
  if (host.kind == Host::Kind::kPlain) return admit_loopback_user();
  FARHAND_ASSERT(keyring != nullptr);
  TRY_ASSIGN(TlsContext context, tls_context(config, *keyring));
  return admit_keys(std::move(context), keyring->store, KeyRules{config.client_pins, false});
}

Error cannot_listen(const Host& host, const std::system_error& error) {
  const std::string where = quoted(host_text(host));
  if (error.code() == std::errc::address_in_use) {
    return Error{ErrorCode::kCannotConnect, "another server is listening on " + where + " already", false};
  }
  return Error{ErrorCode::kCannotConnect, "rserver cannot listen on " + where + ": " + error.code().message(), false};
}

std::unique_ptr<socketserver::BaseServer> make_server(const Host& host, Service& service, const Admission& admission) {
  if (host.kind == Host::Kind::kUnix) {
    return std::make_unique<SessionServer<socketserver::ThreadingUnixStreamServer>>(host.path, service, admission);
  }
  return std::make_unique<SessionServer<socketserver::ThreadingTCPServer>>(
      socketserver::Address::ip(host.name, host.port), service, admission);
}

Result<Listener> open_listener(const Host& host, const ServerConfig& config, Service& service, const Keyring* keyring) {
  Listener listener;
  listener.host = host;
  TRY_ASSIGN(listener.admission, admission_for(host, config, keyring));
  if (host.kind == Host::Kind::kUnix) TRY(make_private_parent(host.path));
  try {
    listener.server = make_server(host, service, *listener.admission);
    listener.server->open();
  } catch (const std::system_error& error) {
    return fail(cannot_listen(host, error));
  }
  if (host.kind != Host::Kind::kUnix) listener.host.port = listener.server->server_address().port();
  return listener;
}

}  // namespace

Result<std::vector<Listener>> open_listeners(const ServerConfig& config, Service& service, const Keyring* keyring) {
  std::vector<Listener> listeners;
  for (const Host& host : config.listen) {
    TRY_ASSIGN(Listener listener, open_listener(host, config, service, keyring));
    if (host.kind == Host::Kind::kPlain) {
      log::warning("--insecure: " + host_text(listener.host) + " is served without TLS, to uid " +
                   std::to_string(::geteuid()) + " alone");
    }
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

}  // namespace farhand
