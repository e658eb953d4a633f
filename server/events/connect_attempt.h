// ConnectAttempt: one connection being made: the look-up, then each address in turn, within one deadline.
//
//   begin() --name--> looking up --> trying address 1 --> trying address 2 ... --> connected, or failed: once
//
// Ownership: the reactor's until it is decided. The socket is ours until then, and the connection's afterwards.
// Threads:   the reactor's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <system_error>

#include "common/deadline.h"
#include "server/events/reactor_core.h"

namespace events {

class ConnectAttempt : public std::enable_shared_from_this<ConnectAttempt> {
 public:
  ConnectAttempt(ReactorCore& core, std::shared_ptr<ClientFactory> factory, std::chrono::milliseconds timeout);

  void start(std::string host, std::uint16_t port);
  void start(const socketserver::Address& address);
  void cancel();  // client_connection_failed() follows from the loop
  void stop();    // the reactor stops: client_connection_failed() now
  [[nodiscard]] bool under_way() const noexcept { return !decided_; }

 private:
  void start_soon();
  void begin();
  void look_up();
  void try_next();
  void wait(farhand::UniqueFd fd);
  void on_writable(const std::error_code& error);
  void address_failed(int error);
  void connected(farhand::UniqueFd fd);
  void fail(const Reason& reason) noexcept;
  void tell(const Reason& reason) noexcept;
  void decide() noexcept;
  void set_timer(farhand::Deadline deadline);

  ReactorCore& core_;
  const std::shared_ptr<ClientFactory> factory_;
  const farhand::Deadline deadline_;
  std::string host_;  // "" when the address is known
  std::uint16_t port_ = 0;
  std::deque<socketserver::Address> addresses_;  // the first is tried now
  Descriptor socket_;
  DelayedCall timer_;
  std::error_code telling_;  // why an address failed: the last that said more than silence
  bool decided_ = false;
};

}  // namespace events
