// Channel: the loop that moves bytes both ways, and the ends of a connection.
#include "protocol/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/check.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"

namespace farhand {
namespace {

Error ended_early() {
  return Error{ErrorCode::kConnectionLost, "the connection was closed by the other side in the middle", false};
}

bool is_sign_of_life(FrameKind kind) noexcept {
  return kind == FrameKind::kPing || kind == FrameKind::kPong || kind == FrameKind::kPause;
}

}  // namespace

Channel::Channel(std::unique_ptr<Stream> stream, Side self)
    : stream_(std::move(stream)),
      self_(self),
      reader_(conversation_, other_side(self)),
      writer_(conversation_, self),
      last_heard_(Deadline::Clock::now()),
      last_said_(last_heard_) {}

bool Channel::has_room() const noexcept {
  return writer_.pending().size() < kOutboxBytes;
}

// ---------------------------------------------------------------------------------------------------------------------
// Moving bytes

void Channel::pump_out() {
  while (!write_failure_ && !writer_.pending().empty()) {
    auto moved = stream_->try_write(writer_.pending());
    if (!moved) {
      write_failure_ = std::move(moved).error();
    } else if (moved->state == Transfer::State::kMoved) {
      writer_.sent(moved->bytes);
      last_said_ = Deadline::Clock::now();
    } else {
      return;
    }
  }
  if (!write_failure_ && stream_->has_pending()) {
    if (auto flushed = stream_->try_flush(); !flushed) write_failure_ = std::move(flushed).error();
  }
  if (write_failure_) writer_.forget();
}

// Whether the limit has something left for now.
bool Channel::may_read() {
  return !read_limit_ || read_limit_->allowance(Deadline::Clock::now()) > 0;
}

void Channel::pump_in() {
  read_more_ = false;
  while (!read_failure_ && !peer_ended_) {
    if (reader_.room() == 0) {
      read_more_ = true;
      return;
    }
    if (!may_read()) {
      read_more_ = true;
      return;
    }
    MutableBytes into = reader_.prepare();
    if (read_limit_)
      into = into.first(std::min<std::uint64_t>(into.size(), read_limit_->allowance(Deadline::Clock::now())));
    auto moved = stream_->try_read(into);
    if (!moved) {
      read_failure_ = std::move(moved).error();
      peer_ended_ = true;
    } else if (moved->state == Transfer::State::kEnd) {
      peer_ended_ = true;
    } else if (moved->state == Transfer::State::kWouldBlock) {
      return;
    } else {
      reader_.commit(moved->bytes);
      if (read_limit_) read_limit_->spent(moved->bytes);
      peer_paused_ = false;
      heard_bytes_ += moved->bytes;
      last_heard_ = Deadline::Clock::now();
      // One read a turn where the handler has enough to do; what is left is noted, since under TLS poll(2) cannot tell.
      if (moved->bytes == into.size() && into.size() >= kInboxBytes / 2) {
        read_more_ = true;
        return;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Hearing

// False: the answer has no room yet. So a peer that asks faster than it reads is held back like any other.
bool Channel::take_sign_of_life(const FrameHeader& header) {
  if (header.kind == FrameKind::kPause) peer_paused_ = true;
  if (header.kind != FrameKind::kPing || header.name.empty() || !may_say(FrameKind::kPong)) return true;
  if (!has_room()) return false;
  say(FrameKind::kPong, header.name);
  return true;
}

void Channel::expect_greeting(Deadline deadline, TakeGreeting take) {
  greeting_deadline_ = deadline;
  take_greeting_ = std::move(take);
}

bool Channel::awaits_greeting() const noexcept {
  return take_greeting_ && conversation_.state(other_side(self_)) == State::kGreeting;
}

// True: it was the greeting, and is consumed.
Result<bool> Channel::take_greeting(const Incoming& incoming) {
  if (!take_greeting_ || incoming.kind() != FrameKind::kHello) return false;
  TRY(take_greeting_(incoming.bytes));
  reader_.consume(incoming.bytes.size());
  return true;
}

Result<std::optional<Incoming>> Channel::peek() {
  for (;;) {
    TRY_ASSIGN(auto incoming, reader_.peek());
    if (!incoming) break;
    peer_paused_ = false;
    TRY_ASSIGN(const bool greeted, take_greeting(*incoming));
    if (greeted) continue;
    if (!is_sign_of_life(incoming->kind())) return incoming;
    if (!take_sign_of_life(incoming->header)) return std::optional<Incoming>();
    reader_.consume(0);
  }
  if (!peer_ended_ || read_more_) return std::optional<Incoming>();
  if (read_failure_) return fail(*read_failure_);
  const bool proper = conversation_.state(other_side(self_)) == State::kEnded && !reader_.mid_frame();
  if (proper) return std::optional<Incoming>();
  return fail(ended_early());
}

Result<Incoming> Channel::hear(Deadline deadline) {
  for (;;) {
    TRY_ASSIGN(auto incoming, peek());
    if (incoming) return *incoming;
    if (exhausted()) return fail(ended_early());
    if (deadline.passed()) return fail(ErrorCode::kTimedOut, "the other side did not answer in time");
    TRY(wait({}, deadline));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Waiting

// Whether silence of the peer means anything.
bool Channel::listens() const noexcept {
  return !peer_ended_ && reader_.room() > 0 && conversation_.state(other_side(self_)) != State::kGreeting;
}

std::chrono::seconds Channel::silence_allowed() const noexcept {
  return peer_paused_ ? kPausedPeer : kDeadPeer;
}

Deadline Channel::next_liveness_check() const noexcept {
  Deadline next = awaits_greeting() ? greeting_deadline_ : Deadline::never();
  if (may_say(FrameKind::kPing)) next = Deadline::at(last_said_ + kKeepAlive);
  if (listens()) next = Deadline::earlier(next, Deadline::at(last_heard_ + silence_allowed()));
  return next;
}

// Called after a poll that found nothing to read: whoever was stopped for a while reads before it judges.
Result<void> Channel::judge_silence() {
  if (awaits_greeting() && greeting_deadline_.passed()) {
    return fail(ErrorCode::kConnectionLost, "there was no answer within " + std::to_string(kDeadPeer.count()) + " s");
  }
  const auto now = Deadline::Clock::now();
  if (!listens()) {
    last_heard_ = now;
  } else if (now - last_heard_ >= silence_allowed()) {
    return fail(ErrorCode::kConnectionLost, "the other side has been silent for " +
                                                std::to_string(silence_allowed().count()) + " s and is taken for dead");
  }
  return {};
}

// Also while there is so much to read that nobody ever waits: whoever sends hears of us all the same.
void Channel::say_sign_of_life() {
  const auto now = Deadline::Clock::now();
  if (now - last_said_ < kKeepAlive || !may_say(FrameKind::kPing)) return;
  last_said_ = now;
  if (writer_.pending().empty() && !stream_->has_pending()) say(FrameKind::kPing);
}

Channel::Polled Channel::poll_once(std::span<pollfd> watched, Deadline deadline) {
  FARHAND_ASSERT(watched.size() <= kMaxWatched);
  std::array<pollfd, kMaxWatched + 2> set{};
  const bool wants_write = !write_failure_ && (!writer_.pending().empty() || stream_->has_pending());
  const bool held_back = !may_read();
  if (held_back && reader_.room() > 0) deadline = Deadline::earlier(deadline, read_limit_->next());
  const bool wants_read = !peer_ended_ && reader_.room() > 0 && !held_back;
  const int events = (wants_read ? POLLIN : 0) | (wants_write ? POLLOUT : 0);
  // Once the peer has ended, its hang-up is no news: poll leaves a descriptor of -1 out.
  set[0] = {(peer_ended_ || held_back) && !wants_write ? -1 : stream_->descriptor(), static_cast<short>(events), 0};
  set[1] = {interrupt_fd_, POLLIN, 0};
  std::copy(watched.begin(), watched.end(), set.begin() + 2);
  const auto begun = wants_write ? Deadline::Clock::now() : Deadline::Clock::time_point();
  const int ready = ::poll(set.data(), static_cast<nfds_t>(watched.size() + 2), deadline.poll_timeout());
  if (wants_write) held_up_ += Deadline::Clock::now() - begun;
  if (ready < 0 && errno != EINTR) throw_errno("poll");
  if (ready <= 0) set = {};
  for (std::size_t i = 0; i < watched.size(); ++i) watched[i].revents = set[i + 2].revents;
  return Polled{set[0].revents, set[1].revents != 0};
}

Result<void> Channel::wait(std::span<pollfd> watched, Deadline deadline) {
  const std::uint64_t heard_before = heard_bytes_;
  const bool was_full = !has_room();
  const bool had_ended = peer_ended_;
  const auto news = [&] {
    return heard_bytes_ != heard_before || (was_full && has_room()) || peer_ended_ != had_ended;
  };
  for (;;) {
    say_sign_of_life();
    pump_out();
    // TLS reads ahead, also while it shakes hands: what it holds already never makes the socket readable.
    if (read_more_ || stream_->has_buffered()) pump_in();
    const bool changed = news();
    if (!changed && write_failure_ && peer_ended_) return fail(*write_failure_);
    const auto until = changed ? Deadline::at({}) : Deadline::earlier(deadline, next_liveness_check());
    const Polled polled = poll_once(watched, until);
    if (polled.interrupted) return fail(interrupt_reason_);
    const bool readable = (polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    // Hung up while we were not reading. (What has only just come is handled first: it may be why there is no room.)
    if (readable && reader_.room() == 0 && !changed) return fail(ended_early());
    if (readable) pump_in();
    if (changed || news()) return {};
    if (std::any_of(watched.begin(), watched.end(), [](const pollfd& entry) { return entry.revents != 0; })) return {};
    if (deadline.passed()) return {};
    if (!readable) TRY(judge_silence());
  }
}

Result<void> Channel::flush(Deadline deadline) {
  for (;;) {
    pump_out();
    if (write_failure_) return fail(*write_failure_);
    if (writer_.pending().empty() && !stream_->has_pending()) return {};
    if (deadline.passed()) return fail(ErrorCode::kTimedOut, "the other side does not read");
    const Polled polled = poll_once({}, deadline);
    if (polled.interrupted) return fail(interrupt_reason_);
    if ((polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0) pump_in();
  }
}

void Channel::set_interrupt(int fd, Error reason) {
  interrupt_fd_ = fd;
  interrupt_reason_ = std::move(reason);
}

void Channel::limit_reading(std::uint64_t bytes_per_second) {
  read_limit_.reset();
  if (bytes_per_second > 0) read_limit_.emplace(bytes_per_second);
}

void Channel::release_idle_memory() noexcept {
  reader_.release_idle_memory();
  writer_.release_idle_memory();
}

bool Channel::is_quiet() const noexcept {
  const bool failed = peer_ended_ || read_failure_ || write_failure_;
  const bool under_way = reader_.mid_frame() || !writer_.pending().empty() || stream_->has_pending();
  return !failed && !under_way && conversation_.due() == 0 && conversation_.state(Side::kClient) == State::kIdle &&
         conversation_.state(Side::kServer) == State::kIdle;
}

// ---------------------------------------------------------------------------------------------------------------------
// Ending

bool Channel::finish_our_side(Deadline deadline) {
  if (!flush(deadline)) return false;
  for (;;) {
    const auto closed = stream_->try_close_write();
    if (!closed) return false;
    if (*closed) return true;
    if (deadline.passed()) return false;
    pollfd entry{stream_->descriptor(), POLLOUT, 0};
    ::poll(&entry, 1, deadline.poll_timeout());
  }
}

void Channel::leave(Deadline deadline, bool linger) noexcept {
  try {
    interrupt_fd_ = -1;
    if (write_failure_) return;
    if (may_say(FrameKind::kBye)) say(FrameKind::kBye);
    if (finish_our_side(deadline) && linger) drain_peer(deadline);
  } catch (const std::exception&) {  // goodbyes are a courtesy; there is nobody left to tell
  }
}

void Channel::drain_peer(Deadline deadline) {
  std::array<std::byte, 16 << 10> sink;
  std::size_t drained = 0;
  while (!peer_ended_ && drained < kLingerBytes && !deadline.passed()) {
    const auto moved = stream_->try_read(sink);
    if (!moved || moved->state == Transfer::State::kEnd) return;
    drained += moved->bytes;
    if (moved->state == Transfer::State::kMoved) continue;
    pollfd entry{stream_->descriptor(), POLLIN, 0};
    ::poll(&entry, 1, deadline.poll_timeout());
  }
}

void Channel::refuse(const Error& reason) noexcept {
  try {
    interrupt_fd_ = -1;
    if (write_failure_) return;
    const Deadline deadline = Deadline::after(kLingerTime);
    if (may_say(FrameKind::kError)) {
      say_structure(FrameKind::kError, encode(ErrorReport{reason.code, true, reason.message}));
    }
    if (finish_our_side(deadline)) drain_peer(deadline);
  } catch (const std::exception&) {  // the peer is gone, or memory is: the connection closes either way
  }
}

}  // namespace farhand
