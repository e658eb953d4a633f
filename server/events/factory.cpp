// The default hooks of factories.
#include "server/events/factory.h"

#include <string>
#include <system_error>

#include "server/events/report.h"

namespace events {

Factory::~Factory() = default;

void Factory::handle_error(std::exception_ptr error, const socketserver::Address& peer) {
  log_error(peer == socketserver::Address() ? "serving" : "connection with " + peer.to_string(), error);
}

void ClientFactory::client_connection_failed(const Reason& reason) {
  const std::error_code error = reason.error ? reason.error : std::make_error_code(std::errc::not_connected);
  handle_error(std::make_exception_ptr(std::system_error(error, "connect")), socketserver::Address());
}

}  // namespace events
