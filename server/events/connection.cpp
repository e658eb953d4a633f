// A connection's turns: reading, settling what the hooks asked for, and the end.
#include "server/events/connection.h"

#include <sys/socket.h>

#include <asio/post.hpp>
#include <cerrno>
#include <utility>

#include "server/events/sockets.h"

namespace events {
namespace {

// What a peer may send after it got everything: enough for what was under way, as long as nobody floods.
constexpr std::uint32_t kMostDropped = 1024 * 1024;

// The peer shall see that it did not get everything.
bool ends_with_reset(Ending ending) noexcept {
  switch (ending) {
    case Ending::kTimedOut:
    case Ending::kAborted:
    case Ending::kOverflow:
    case Ending::kFailed:
      return true;
    case Ending::kPeerEnded:
    case Ending::kClosed:
    case Ending::kLost:
    case Ending::kStopped:
      return false;
  }
  return false;
}

}  // namespace

Connection::Connection(ReactorCore& core, farhand::UniqueFd fd, const socketserver::Address& peer,
                       std::shared_ptr<Factory> factory, std::unique_ptr<Protocol> protocol)
    : core_(core), socket_(core.context()), peer_(peer), factory_(std::move(factory)), protocol_(std::move(protocol)) {
  if (peer_.is_ip()) set_no_delay(fd.get());
  socket_.assign(fd.get());
  static_cast<void>(fd.release());
}

void Connection::start() {
  turn([this] {
    made_ = true;
    call([this](Protocol& protocol) { protocol.make_connection(*this); });
  });
}

void Connection::stop() {
  turn([this] { end(Ending::kStopped); });
}

socketserver::Address Connection::get_host() const {
  return socket_.is_open() ? local_address(const_cast<Descriptor&>(socket_).native_handle()) : socketserver::Address();
}

void Connection::ask_for_turn() {
  if (!in_turn_) post_turn();
}

void Connection::post_turn() {
  if (turn_asked_) return;
  asio::post(core_.context(), [self = self()] {
    self->turn_asked_ = false;
    self->turn([] {});
  });
  turn_asked_ = true;
}

void Connection::settle() {
  if (!ending_) flush();
  if (!ending_) relieve();
  if (ending_) {
    finish();
    return;
  }
  arm();
}

void Connection::arm() {
  if (wants_to_read() && !reading_) wait_readable();
  if (outbox_ && !writing_) wait_writable();
}

void Connection::wait_readable() {
  socket_.async_wait(Descriptor::wait_read, [self = self()](const std::error_code& error) {
    self->reading_ = false;
    self->turn([&] {
      if (error) {
        self->end(Ending::kLost, error.value());
      } else if (self->wants_to_read()) {
        self->read_once();
      }
    });
  });
  reading_ = true;
}

void Connection::wait_writable() {
  socket_.async_wait(Descriptor::wait_write, [self = self()](const std::error_code& error) {
    self->writing_ = false;
    self->turn([&] {
      if (error) self->end(Ending::kLost, error.value());
    });
  });
  writing_ = true;
}

bool Connection::wants_to_read() const noexcept {
  if (read_ended_) return false;
  if (phase_ != Phase::kOpen) return true;  // to drop it: a peer that cannot send may never come to read
  return !read_paused_ && (!write_paused_ || reads_under_pressure_);
}

// Once: what is left makes the socket readable again, after the others' turns.
void Connection::read_once() {
  const auto buffer = core_.read_buffer();
  const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    receive(buffer.first(static_cast<std::size_t>(got)));
  } else if (got == 0) {
    peer_ended();
  } else if (errno != EAGAIN && errno != EINTR) {
    end(Ending::kLost, errno);
  }
}

void Connection::receive(farhand::Bytes bytes) {
  if (phase_ == Phase::kOpen) {
    touch();
    call([&](Protocol& protocol) { protocol.data_received(bytes); });
  } else if (phase_ == Phase::kLingering) {
    dropped_ += static_cast<std::uint32_t>(bytes.size());
    if (dropped_ > kMostDropped) end(polite_end_);
  }
}

void Connection::peer_ended() {
  read_ended_ = true;
  if (phase_ == Phase::kOpen) call([](Protocol& protocol) { protocol.read_connection_lost(); });
  if (phase_ == Phase::kLingering) end(polite_end_);
}

void Connection::pause_reading() {
  read_paused_ = true;  // a wait under way finds that out
}

void Connection::resume_reading() {
  read_paused_ = false;
  if (connected()) ask_for_turn();
}

void Connection::read_under_pressure(bool on) {
  reads_under_pressure_ = on;
  if (connected()) ask_for_turn();
}

// The first reason is the one that tells.
void Connection::end(Ending ending, int error) {
  if (ending_ || phase_ == Phase::kOver) return;
  ending_ = Reason{ending, error == 0 ? std::error_code() : std::error_code(error, std::system_category())};
  ask_for_turn();
}

void Connection::finish() noexcept {
  phase_ = Phase::kOver;
  timer_.cancel();
  outbox_.reset();
  if (ends_with_reset(ending_->ending)) set_reset_on_close(socket_.native_handle());
  std::error_code ignored;
  socket_.close(ignored);
  if (made_) call([&](Protocol& protocol) { protocol.connection_lost(*ending_); });
  protocol_.reset();
  core_.forget(self());
}

}  // namespace events
