// Protocol: what one connection says and understands: hooks that the reactor calls.
//
//   class Echo : public events::Protocol {
//     void data_received(farhand::Bytes data) override { transport().write(data); }
//   };
//
//   connection_made() -> data_received() ... -> connection_lost()      once each but the middle one
//
// Hooks must not wait: every other connection waits with them. They may close, abort or write to any connection.
//
// Ownership: built by a Factory, one per connection, owned by the reactor, and destroyed after connection_lost().
// Threads:   the reactor's.
// Errors:    whatever a hook throws is handed to Factory::handle_error() and ends this connection alone.
#pragma once

#include "common/bytes.h"
#include "common/export.h"
#include "server/events/reason.h"
#include "server/events/transport.h"

namespace events {

class FARHAND_API Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol();

  // Called by the reactor (or by a protocol that wraps this one). May be overridden; none needs the base called.
  virtual void connection_made() {}
  // Some bytes of the stream: not a message, which may come in pieces or glued to the next. Good during the call only.
  virtual void data_received(farhand::Bytes data);  // the default drops them
  // The peer ended its side, and may still read. The default is transport().lose_connection(): what is queued is sent,
  // then the connection closes. Override it to go on writing; that the peer is gone altogether is then
  // noticed by writing or by set_timeout() only.
  virtual void read_connection_lost();
  // Exactly once after connection_made(), whatever happened. The transport takes no more.
  virtual void connection_lost(const Reason& reason);
  // More than ReactorOptions::high_water_bytes is queued for the peer: write no more until resume_producing(). Comes
  // from within write(). Nothing enforces it but the limit at which the connection is given up.
  virtual void pause_producing() {}
  virtual void resume_producing() {}
  // set_timeout() ran out. The default is transport().abort_connection(), which in here counts as kTimedOut. One that
  // says a last word and calls lose_connection() is not asked a second time.
  virtual void timeout_connection();

  // Good from connection_made() to the end of connection_lost(), not in the constructor.
  [[nodiscard]] Transport& transport() const noexcept { return *transport_; }

  // Binds the transport and calls connection_made(). For the reactor, for wrappers and for tests with a transport of
  // their own.
  void make_connection(Transport& transport);

 private:
  Transport* transport_ = nullptr;
};

}  // namespace events
