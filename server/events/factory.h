// Factory: makes the Protocol of each connection; ServerFactory for those accepted, ClientFactory for those made.
//
//   reactor.listen_tcp(address, events::factory<Echo>());
//   reactor.connect_tcp("example.org", 80, std::make_shared<Fetch>(...));      Fetch : ClientFactory
//
// Ownership: shared by the listening port or connector and each of its connections; whoever is last lets go of it.
// Threads:   the reactor's.
// Errors:    a build_protocol() that throws refuses that connection, and handle_error() is told.
#pragma once

#include <exception>
#include <memory>
#include <tuple>
#include <utility>

#include "common/export.h"
#include "server/events/protocol.h"
#include "server/events/reason.h"
#include "server/socketserver/address.h"

namespace events {

class FARHAND_API Factory {
 public:
  Factory() = default;
  Factory(const Factory&) = delete;
  Factory& operator=(const Factory&) = delete;
  virtual ~Factory();

  // The protocol for a connection with `peer`; nothing refuses it.
  virtual std::unique_ptr<Protocol> build_protocol(const socketserver::Address& peer) = 0;
  // May be overridden: gets what a hook of a protocol or of this factory threw. `peer` is unnamed for what belongs to
  // no connection, such as a shortage of descriptors. The default writes a line to the log.
  virtual void handle_error(std::exception_ptr error, const socketserver::Address& peer);
};

class FARHAND_API ServerFactory : public Factory {};

class FARHAND_API ClientFactory : public Factory {
 public:
  // No connection came about. For each connect, either build_protocol() is called or this, once. The default hands the
  // reason to handle_error() as a std::system_error.
  virtual void client_connection_failed(const Reason& reason);
};

// A Base whose build_protocol() makes Made(arguments...).
template <class Base, class Made, class... Arguments>
class FactoryOf final : public Base {
 public:
  explicit FactoryOf(Arguments... arguments) : kept_(std::move(arguments)...) {}
  std::unique_ptr<Protocol> build_protocol(const socketserver::Address&) override {
    return std::apply([](auto&... each) { return std::make_unique<Made>(each...); }, kept_);
  }

 private:
  std::tuple<Arguments...> kept_;
};

// A factory of Made(arguments...). It keeps copies, which each protocol's constructor gets by reference; std::ref
// passes a collaborator, which must then outlive the reactor.
template <class Made, class... Arguments>
std::shared_ptr<ServerFactory> factory(Arguments... arguments) {
  return std::make_shared<FactoryOf<ServerFactory, Made, Arguments...>>(std::move(arguments)...);
}
template <class Made, class... Arguments>
std::shared_ptr<ClientFactory> client_factory(Arguments... arguments) {
  return std::make_shared<FactoryOf<ClientFactory, Made, Arguments...>>(std::move(arguments)...);
}

}  // namespace events
