// The handles that a Reactor gives out: DelayedCall, ListeningPort, Connector.
//
// Ownership: a handle owns nothing. It may be copied, dropped, and kept after what it names, or the reactor, is gone:
//            its calls then do nothing.
// Threads:   the reactor's.
#pragma once

#include <memory>

#include "common/export.h"
#include "server/socketserver/address.h"

namespace events {

struct TimedCall;      // internal, see timers.h
class Port;            // internal, see port.h
class ConnectAttempt;  // internal, see connect_attempt.h

// A call that is to come: Reactor::call_later().
class FARHAND_API DelayedCall {
 public:
  DelayedCall() = default;
  explicit DelayedCall(std::weak_ptr<TimedCall> call) : call_(std::move(call)) {}
  void cancel();                      // it will not be called; repeatable
  [[nodiscard]] bool active() const;  // still to come

 private:
  std::weak_ptr<TimedCall> call_;
};

// What listens: Reactor::listen_tcp(), listen_unix().
class FARHAND_API ListeningPort {
 public:
  ListeningPort() = default;
  explicit ListeningPort(std::weak_ptr<Port> port) : port_(std::move(port)) {}
  [[nodiscard]] socketserver::Address get_host() const;  // with the port that the kernel chose; unnamed when stopped
  void stop_listening();                                 // connections that were accepted go on

 private:
  std::weak_ptr<Port> port_;
};

// A connection that is being made: Reactor::connect_tcp(), connect_unix().
class FARHAND_API Connector {
 public:
  Connector() = default;
  explicit Connector(std::weak_ptr<ConnectAttempt> attempt) : attempt_(std::move(attempt)) {}
  // Gives up: client_connection_failed() follows, as kAborted. Once connected it does nothing: the connection is its
  // protocol's.
  void stop_connecting();
  [[nodiscard]] bool connecting() const;

 private:
  std::weak_ptr<ConnectAttempt> attempt_;
};

}  // namespace events
