// A connection that waits for its next client.
#include "client/sharing/kept_connection.h"

#include <time.h>

#include <algorithm>

#include "common/check.h"
#include "protocol/limits.h"
#include "protocol/slip.h"

namespace farhand {
namespace {

// The server says something every 5 s (kKeepAlive). One that is later may be gone, and nobody is to find that out with
// a command.
constexpr std::chrono::seconds kStale{8};

}  // namespace

SinceBoot since_boot() {
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) throw_errno("clock_gettime");
  return std::chrono::seconds(now.tv_sec) + std::chrono::milliseconds(now.tv_nsec / 1'000'000);
}

KeptConnection::KeptConnection(std::unique_ptr<Stream> connected, std::string hello)
    : stream(std::move(connected)), from_server(conversation, Side::kServer), greeting(std::move(hello)) {
  for (const Side side : {Side::kClient, Side::kServer}) {
    const bool greeted = conversation.admit(side, FrameHeader{FrameKind::kHello, greeting.size(), {}}).has_value();
    FARHAND_ASSERT(greeted);
  }
}

bool KeptConnection::is_quiet() const noexcept {
  return !from_server.broken() && !from_server.mid_frame() && conversation.due() == 0 &&
         conversation.state(Side::kClient) == State::kIdle && conversation.state(Side::kServer) == State::kIdle;
}

void KeptConnection::rest() {
  resting_since_ = heard_ = said_ = since_boot();
  from_server.sent(from_server.passed().size());  // signs of life, at most, which the last client has not waited for
  from_server.release_idle_memory();
}

SinceBoot KeptConnection::next_tending() const noexcept {
  return std::min<SinceBoot>(said_ + kKeepAlive, heard_ + kStale);
}

// What was heard goes nowhere: it can only have been signs of life.
bool KeptConnection::hear() {
  for (;;) {
    auto moved = stream->try_read(from_server.prepare());
    if (!moved || moved->state == Transfer::State::kEnd) return false;
    if (moved->state == Transfer::State::kWouldBlock) return true;
    from_server.commit(moved->bytes);
    if (!is_quiet()) return false;
    heard_ = since_boot();
    from_server.sent(from_server.passed().size());
    if (const auto question = from_server.take_question(); question && !say(FrameKind::kPong, *question)) return false;
  }
}

bool KeptConnection::say(FrameKind kind, const std::string& name) {
  said_ = since_boot();
  std::string slip;
  append_slip(slip, kind, 0, name);
  const auto moved = stream->try_write(bytes_of(slip));  // a socket that takes not even this much is a dead one
  return moved && moved->state == Transfer::State::kMoved && moved->bytes == slip.size() && stream->try_flush();
}

bool KeptConnection::tend() {
  if (!hear()) return false;
  const SinceBoot now = since_boot();
  if (now - heard_ >= kStale) return false;
  return now - said_ < kKeepAlive || say(FrameKind::kPing, {});
}

void KeptConnection::part() noexcept {
  try {
    if (say(FrameKind::kBye, {})) static_cast<void>(stream->try_close_write());
  } catch (const std::exception&) {  // goodbyes are a courtesy
  }
}

}  // namespace farhand
