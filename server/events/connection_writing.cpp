// A connection's writing: at once where the kernel takes it, else through the outbox; and what that means to producers.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/events/connection.h"

namespace events {
namespace {

// Sent before it is the others' turn.
constexpr std::uint32_t kTurnBytes = 256 * 1024;
// From here on a write goes to the kernel without being copied. Smaller ones are gathered: a copy is cheaper than a
// call.
constexpr std::size_t kDirectBytes = 16 * 1024;
// Queued files, each of which holds a descriptor.
constexpr std::size_t kMostFiles = 64;

// Of what sendfile(2) reports, what is about the file and not about the peer.
bool is_files_fault(int error) noexcept {
  return error == EINVAL || error == EIO || error == EBADF || error == EOVERFLOW || error == ESPIPE || error == EISDIR;
}

}  // namespace

void Connection::write(farhand::Bytes bytes) {
  if (!writable() || bytes.empty() || !has_room()) return;
  if (!outbox_ && bytes.size() >= kDirectBytes) bytes = send_directly(bytes);
  if (ending_ || bytes.empty()) return;
  outbox().append(bytes);
  queued();
}

void Connection::send_file(farhand::UniqueFd file, std::uint64_t offset, std::uint64_t length_bytes) {
  if (!writable() || length_bytes == 0 || !has_room()) return;
  outbox().append_file(std::move(file), offset, length_bytes);
  queued();
}

// Asked before a write and not after, so that one write of any size is taken.
bool Connection::has_room() {
  if (!outbox_) return true;
  if (outbox_->bytes() <= core_.options().most_queued_bytes && outbox_->files() < kMostFiles) return true;
  end(Ending::kOverflow);
  return false;
}

Outbox& Connection::outbox() {
  if (!outbox_) outbox_ = std::make_unique<Outbox>();
  return *outbox_;
}

// Returns what the kernel did not take.
farhand::Bytes Connection::send_directly(farhand::Bytes bytes) {
  if (sent_in_turn_ >= kTurnBytes) return bytes;
  const std::size_t most = std::min<std::size_t>(bytes.size(), kTurnBytes - sent_in_turn_);
  const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) end(Ending::kLost, errno);
    return bytes;
  }
  sent_in_turn_ += static_cast<std::uint32_t>(sent);
  touch();
  return bytes.subspan(static_cast<std::size_t>(sent));
}

bool Connection::under_pressure() const noexcept {
  return outbox_ && (outbox_->bytes() > core_.options().high_water_bytes || outbox_->files() > 0);
}

void Connection::queued() {
  if (under_pressure()) flush();  // it may only be many small writes
  if (ending_) return;
  if (under_pressure() && !std::exchange(write_paused_, true)) {
    call([](Protocol& protocol) { protocol.pause_producing(); });
  }
  ask_for_turn();
}

void Connection::flush() {
  while (outbox_ && !outbox_->empty() && !writing_ && sent_in_turn_ < kTurnBytes) {
    const auto sent = outbox_->send(socket_.native_handle(), kTurnBytes - sent_in_turn_);
    if (sent.short_file) return end(Ending::kFailed, EIO);
    if (sent.error == EAGAIN) return wait_writable();
    if (sent.error == EINTR) continue;
    if (sent.error != 0) return end(is_files_fault(sent.error) ? Ending::kFailed : Ending::kLost, sent.error);
    sent_in_turn_ += static_cast<std::uint32_t>(sent.bytes);
    touch();
  }
  if (outbox_ && outbox_->empty()) drained();
}

// Everything was handed to the kernel.
void Connection::drained() {
  outbox_.reset();
  if (write_lost_ || phase_ == Phase::kFlushing) shut_write();
  if (phase_ != Phase::kFlushing) return;
  if (read_ended_) {
    end(polite_end_);
  } else {
    linger();
  }
}

// A failure means that the peer is gone, which reading will tell.
void Connection::shut_write() noexcept {
  if (!std::exchange(write_shut_, true)) ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Connection::lose_write() {
  if (!writable()) return;
  write_lost_ = true;
  if (!outbox_) shut_write();
}

void Connection::lose_connection() {
  if (!connected()) return;
  polite_end_ = read_ended_ ? Ending::kPeerEnded : Ending::kClosed;
  phase_ = Phase::kFlushing;
  touch();
  call_again_in(core_.options().flush_patience);
  if (!outbox_) drained();
  ask_for_turn();
}

void Connection::abort_connection() {
  end(timing_out_ ? Ending::kTimedOut : Ending::kAborted);
}

// Lets a paused producer go on. If that fills the queue and all of it leaves at once, another turn asks it again.
void Connection::relieve() {
  if (!write_paused_ || (outbox_ && (outbox_->bytes() > core_.options().low_water_bytes || outbox_->files() > 0))) {
    return;
  }
  write_paused_ = false;
  if (writable()) call([](Protocol& protocol) { protocol.resume_producing(); });
  if (!ending_) flush();
  if (write_paused_ && !outbox_) post_turn();
}

}  // namespace events
