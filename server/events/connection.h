// Connection: the reactor's Transport: one socket, what is queued for it, and the protocol that it calls.
//
//   open --lose_connection()--> flushing --all sent--> lingering --the peer's end--> over
//     +------- reset, abort, deadline, a hook throws, stop -------------------------> over
//
// Everything happens in turns: the loop finds the socket ready (or a call from elsewhere asked for a turn), hooks are
// called, then settle() sends what was written, wakes a paused producer, ends what asked to be ended, and waits again.
// So no hook is ever called from inside another's call to us, and the end comes once, at the end of a turn.
//
// Ownership: the reactor's registry, and each wait or posted turn under way: hence shared_ptr. The protocol is ours.
// Memory:    small at rest: the outbox exists only while something is queued, and reads go to the reactor's one buffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "server/events/outbox.h"
#include "server/events/reactor_core.h"

namespace events {

class Connection final : public Transport {
 public:
  Connection(ReactorCore& core, farhand::UniqueFd fd, const socketserver::Address& peer,
             std::shared_ptr<Factory> factory, std::unique_ptr<Protocol> protocol);

  void start();  // connection_made(), then reading
  void stop();   // the reactor stops: connection_lost() now

  using Transport::write;
  void write(farhand::Bytes bytes) override;
  void send_file(farhand::UniqueFd file, std::uint64_t offset, std::uint64_t length_bytes) override;
  void lose_connection() override;
  void lose_write() override;
  void abort_connection() override;
  void pause_reading() override;
  void resume_reading() override;
  void read_under_pressure(bool on) override;
  void set_timeout(std::chrono::milliseconds idle) override;
  [[nodiscard]] bool connected() const noexcept override { return phase_ == Phase::kOpen && !ending_; }
  [[nodiscard]] bool write_paused() const noexcept override { return write_paused_ || !writable(); }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return outbox_ ? outbox_->bytes() : 0; }
  [[nodiscard]] const socketserver::Address& get_peer() const noexcept override { return peer_; }
  [[nodiscard]] socketserver::Address get_host() const override;
  [[nodiscard]] Reactor& reactor() const noexcept override { return core_.reactor(); }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase : std::uint8_t { kOpen, kFlushing, kLingering, kOver };

  [[nodiscard]] std::shared_ptr<Connection> self() { return std::static_pointer_cast<Connection>(shared_from_this()); }

  // ---- Turns (connection.cpp) ----
  template <class Body>
  void turn(Body body) noexcept;
  void ask_for_turn();  // unless this is one
  void post_turn();
  void settle();
  void arm();
  void wait_readable();
  void wait_writable();
  void end(Ending ending, int error = 0);
  void finish() noexcept;

  // ---- Reading (connection.cpp) ----
  [[nodiscard]] bool wants_to_read() const noexcept;
  void read_once();
  void receive(farhand::Bytes bytes);
  void peer_ended();

  // ---- Writing (connection_writing.cpp) ----
  [[nodiscard]] bool writable() const noexcept { return connected() && !write_lost_; }
  bool has_room();
  [[nodiscard]] bool under_pressure() const noexcept;
  Outbox& outbox();
  farhand::Bytes send_directly(farhand::Bytes bytes);
  void queued();
  void flush();
  void drained();
  void shut_write() noexcept;
  void relieve();

  // ---- Deadlines and hooks (connection_hooks.cpp) ----
  template <class Hook>
  void call(Hook hook) noexcept;
  void failed() noexcept;
  void touch() noexcept { last_progress_ = Clock::now(); }
  void call_again_in(std::chrono::milliseconds delay);
  void on_timer();
  [[nodiscard]] std::chrono::milliseconds left_of(std::chrono::milliseconds limit) const;
  void on_idle();
  void on_slow_flush();
  void linger();

  ReactorCore& core_;
  Descriptor socket_;
  const socketserver::Address peer_;
  const std::shared_ptr<Factory> factory_;
  std::unique_ptr<Protocol> protocol_;
  std::unique_ptr<Outbox> outbox_;
  std::optional<Reason> ending_;  // set: over at the end of this turn
  DelayedCall timer_;             // idle, then flushing, then lingering
  Clock::time_point last_progress_ = Clock::now();
  std::chrono::milliseconds idle_{0};
  std::uint32_t sent_in_turn_ = 0;
  std::uint32_t dropped_ = 0;  // bytes that came after lose_connection()
  Phase phase_ = Phase::kOpen;
  Ending polite_end_ = Ending::kClosed;
  bool in_turn_ = false;
  bool turn_asked_ = false;
  bool made_ = false;  // connection_made() was called
  bool reading_ = false;
  bool writing_ = false;  // waiting until the socket is writable
  bool read_paused_ = false;
  bool reads_under_pressure_ = false;
  bool read_ended_ = false;
  bool write_paused_ = false;
  bool write_lost_ = false;  // lose_write() was called
  bool write_shut_ = false;
  bool timing_out_ = false;  // within timeout_connection()
};

// Whatever is thrown stays within this connection.
template <class Hook>
void Connection::call(Hook hook) noexcept {
  try {
    hook(*protocol_);
  } catch (...) {
    failed();
  }
}

template <class Body>
void Connection::turn(Body body) noexcept {
  if (phase_ == Phase::kOver) return;
  const auto keep = self();
  in_turn_ = true;
  sent_in_turn_ = 0;
  try {
    body();
    settle();
  } catch (...) {  // no memory
    failed();
    finish();
  }
  in_turn_ = false;
}

}  // namespace events
