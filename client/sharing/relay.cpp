// One client and its connection.
#include "client/sharing/relay.h"

#include "common/stream/plain_stream.h"
#include "protocol/slip.h"

namespace farhand {
namespace {

constexpr short kReadable = POLLIN | POLLHUP | POLLERR;

// One reading: of several clients each has its turn.
bool read_into(FrameGate& gate, Stream& stream) {
  auto moved = stream.try_read(gate.prepare());
  if (!moved || moved->state == Transfer::State::kEnd) return false;
  if (moved->state == Transfer::State::kMoved) gate.commit(moved->bytes);
  return true;
}

std::string frame_of(const std::string& greeting) {
  std::string frame;
  append_slip(frame, FrameKind::kHello, greeting.size(), {});
  return frame + greeting;
}

}  // namespace

Relay::Relay(std::unique_ptr<KeptConnection> server, UniqueFd client, std::string user)
    : server_(std::move(server)),
      client_(make_plain_stream(std::move(client))),
      user_(std::move(user)),
      greeting_(frame_of(server_->greeting)),
      from_client_(server_->conversation, Side::kClient) {
  write_client();
  judge();
}

Bytes Relay::for_client() const noexcept {
  return greeting_.empty() ? server_->from_server.passed() : bytes_of(greeting_);
}

// To the server.
bool Relay::all_said() const noexcept {
  return from_client_.passed().empty() && !server_->stream->has_pending();
}

std::array<pollfd, 2> Relay::entries() const noexcept {
  const auto entry = [](const Stream& stream, bool reads, bool writes) {
    const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
    // A hang-up would be reported again and again to whoever cannot read on; poll leaves a descriptor of -1 out.
    return pollfd{events == 0 ? -1 : stream.descriptor(), static_cast<short>(events), 0};
  };
  return {entry(*client_, !client_ended_ && from_client_.room() > 0, !client_deaf_ && !for_client().empty()),
          entry(*server_->stream, !server_ended_ && server_->from_server.room() > 0, !server_deaf_ && !all_said())};
}

bool Relay::has_buffered() const noexcept {
  return !server_ended_ && server_->from_server.room() > 0 && server_->stream->has_buffered();
}

void Relay::turn(short client_events, short server_events) {
  if ((client_events & kReadable) != 0 && !client_ended_ && from_client_.room() > 0) read_client();
  if (((server_events & kReadable) != 0 || has_buffered()) && !server_ended_ && server_->from_server.room() > 0) {
    read_server();
  }
  judge_held();
  if (state_ != State::kGoing) return;
  write_server();
  write_client();
  judge();
}

void Relay::read_client() {
  client_ended_ = !read_into(from_client_, *client_);
}

void Relay::read_server() {
  server_ended_ = !read_into(server_->from_server, *server_->stream);
}

void Relay::write_server() {
  while (!server_deaf_ && !from_client_.passed().empty()) {
    const auto moved = server_->stream->try_write(from_client_.passed());
    server_deaf_ = !moved;  // what it has said before it went is still heard
    if (!moved || moved->state != Transfer::State::kMoved) break;
    from_client_.sent(moved->bytes);
  }
  if (!server_deaf_ && server_->stream->has_pending()) server_deaf_ = !server_->stream->try_flush();
  if (server_deaf_) from_client_.sent(from_client_.passed().size());
}

void Relay::write_client() {
  while (!client_deaf_ && !for_client().empty()) {
    const auto moved = client_->try_write(for_client());
    client_deaf_ = !moved;  // it may have said bye before: that is still read
    if (!moved || moved->state != Transfer::State::kMoved) break;
    if (greeting_.empty()) {
      server_->from_server.sent(moved->bytes);
    } else {
      greeting_.erase(0, moved->bytes);
    }
  }
  if (!client_deaf_) return;
  greeting_.clear();
  server_->from_server.sent(server_->from_server.passed().size());
}

// ---------------------------------------------------------------------------------------------------------------------
// Judging

void Relay::judge_held() {
  const FrameHeader* const held = from_client_.held();
  if (!greeted_ && (from_client_.broken() || !from_client_.passed().empty())) {  // no client of ours begins so
    state_ = State::kOver;
  } else if (held != nullptr && held->kind == FrameKind::kHello) {
    const bool proper = !greeted_ && held->name == user_;
    greeted_ = true;
    proper ? from_client_.swallow() : static_cast<void>(state_ = State::kOver);
    if (proper) judge_held();
  }
}

// The client has said bye, or nothing more will come from it. One that leaves with an answer due has gone in the
// middle.
void Relay::judge_departure() {
  const bool reusable = server_->is_quiet() && !from_client_.broken() && !from_client_.mid_frame() && !server_deaf_;
  if (!reusable || server_ended_) {
    state_ = State::kOver;
  } else if (all_said()) {
    state_ = State::kQuiet;
  }
}

void Relay::judge() {
  if (state_ != State::kGoing) return;
  if (from_client_.held() != nullptr || client_ended_) judge_departure();
  if (server_ended_ && (client_deaf_ || for_client().empty())) state_ = State::kOver;
}

}  // namespace farhand
