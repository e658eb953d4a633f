// Reactor's calls, handed to its core.
#include "server/events/reactor.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "server/events/connect_attempt.h"
#include "server/events/port.h"
#include "server/events/reactor_core.h"

namespace events {
namespace {

ListeningPort listen(ReactorCore& core, const socketserver::Address& address, std::shared_ptr<ServerFactory> factory,
                     const ListenOptions& options) {
  const auto port = std::make_shared<Port>(core, address, std::move(factory), options);
  port->start();
  return ListeningPort(port);
}

Connector connect(ReactorCore& core, const socketserver::Address& address, std::shared_ptr<ClientFactory> factory,
                  std::chrono::milliseconds timeout) {
  const auto attempt = std::make_shared<ConnectAttempt>(core, std::move(factory), timeout);
  attempt->start(address);
  return Connector(attempt);
}

}  // namespace

Reactor::Reactor(ReactorOptions options) : core_(std::make_unique<ReactorCore>(*this, options)) {}

Reactor::~Reactor() = default;

ListeningPort Reactor::listen_tcp(const socketserver::Address& address, std::shared_ptr<ServerFactory> factory,
                                  ListenOptions options) {
  if (!address.is_ip()) throw std::system_error(EAFNOSUPPORT, std::generic_category(), "bind " + address.to_string());
  return listen(*core_, address, std::move(factory), options);
}

ListeningPort Reactor::listen_unix(const std::string& path, std::shared_ptr<ServerFactory> factory,
                                   ListenOptions options) {
  return listen(*core_, socketserver::Address::local(path), std::move(factory), options);
}

Connector Reactor::connect_tcp(const std::string& host, std::uint16_t port, std::shared_ptr<ClientFactory> factory,
                               std::chrono::milliseconds timeout) {
  const auto attempt = std::make_shared<ConnectAttempt>(*core_, std::move(factory), timeout);
  attempt->start(host, port);
  return Connector(attempt);
}

Connector Reactor::connect_tcp(const socketserver::Address& address, std::shared_ptr<ClientFactory> factory,
                               std::chrono::milliseconds timeout) {
  return connect(*core_, address, std::move(factory), timeout);
}

Connector Reactor::connect_unix(const std::string& path, std::shared_ptr<ClientFactory> factory,
                                std::chrono::milliseconds timeout) {
  return connect(*core_, socketserver::Address::local(path), std::move(factory), timeout);
}

DelayedCall Reactor::call_later(std::chrono::milliseconds delay, std::function<void()> call) {
  return DelayedCall(core_->timers().add(delay, std::move(call)));
}

void Reactor::call_from_thread(std::function<void()> call) {
  core_->call_from_thread(std::move(call));
}

void Reactor::run() {
  core_->run();
}

void Reactor::stop() noexcept {
  core_->stop();
}

void Reactor::stop_on_signals() {
  core_->stop_on_signals();
}

std::size_t Reactor::connections() const noexcept {
  return core_->connections();
}

const ReactorOptions& Reactor::options() const noexcept {
  return core_->options();
}

}  // namespace events
