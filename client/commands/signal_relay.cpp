// Signals on their way to a remote command.
#include "client/commands/signal_relay.h"

#include <string>

#include "protocol/messages/command.h"

namespace farhand {
namespace {

// The token of the pings that ask whether the server is there.
constexpr std::string_view kAreYouThere = "signal";

}  // namespace

Result<void> SignalRelay::tell() {
  for (int number = signals_.take(); number != 0; number = signals_.take()) TRY(take(number));
  Channel& channel = connection_.channel();
  tell_size();
  for (int number = 1; untold_ != 0 && channel.has_room(); ++number) {
    const std::uint32_t bit = std::uint32_t{1} << number;
    if ((untold_ & bit) == 0) continue;
    untold_ &= ~bit;
    channel.say(FrameKind::kSignal, signal_word(number));
    if (number == SIGINT) channel.say(FrameKind::kPing, kAreYouThere);
  }
  return {};
}

Result<void> SignalRelay::take(int number) {
  note(number);
  if (number == SIGTSTP) {
    suspend();
    return {};
  }
  if (number == SIGWINCH) {
    resized_ = true;
    return {};
  }
  if (raw_ != nullptr && number == SIGCONT) {
    raw_->enter();
    resized_ = true;
    return {};
  }
  if (raw_ != nullptr && number != SIGUSR1 && number != SIGUSR2) {
    return fail(ErrorCode::kInterrupted, "ended by SIG" + std::string(signal_word(number)) +
                                             "; the connection is dropped, which ends what runs there");
  }
  if (number == SIGINT && is_enough()) {
    return fail(ErrorCode::kInterrupted, "interrupted twice; the connection is dropped, which ends the command");
  }
  if (number == SIGINT) interrupted_ = Interrupted{Deadline::Clock::now(), connection_.channel().heard_bytes()};
  untold_ |= std::uint32_t{1} << number;
  return {};
}

void SignalRelay::tell_size() {
  Channel& channel = connection_.channel();
  if (!resized_ || !channel.has_room()) return;
  resized_ = false;
  const TerminalSize size = own_terminal_size();
  if (size == told_size_) return;
  told_size_ = size;
  channel.say_structure(FrameKind::kResize, encode(size));
}

void SignalRelay::note_rest() noexcept {
  for (int number = signals_.take(); number != 0; number = signals_.take()) note(number);
}

void SignalRelay::note(int number) noexcept {
  heard_.interrupt = heard_.interrupt || number == SIGINT;
  heard_.end = heard_.end || number == SIGTERM || number == SIGHUP;
  was_stopped_ = was_stopped_ || number == SIGCONT;
}

bool SignalRelay::was_stopped() noexcept {
  note_rest();
  return was_stopped_;
}

bool SignalRelay::is_enough() const {
  if (!interrupted_) return false;
  return Deadline::Clock::now() - interrupted_->when < kSecondInterrupt ||
         connection_.channel().heard_bytes() == interrupted_->heard_bytes;
}

// A server that does not hear of it in time takes us for dead after a while: that is told when we go on. A command on a
// terminal of its own runs on.
void SignalRelay::suspend() {
  constexpr std::chrono::seconds kFlushTime{1};
  Channel& channel = connection_.channel();
  if (raw_ == nullptr) channel.say(FrameKind::kSignal, signal_word(SIGTSTP));
  channel.say(FrameKind::kPause);
  const auto flushed = channel.flush(Deadline::after(kFlushTime));
  static_cast<void>(flushed);  // a connection that is lost says so at the next wait
  if (raw_ != nullptr) raw_->restore();
  signals_.stop_here();
  if (raw_ != nullptr) raw_->enter();
  was_stopped_ = true;
  resized_ = told_size_.has_value();
  if (raw_ == nullptr) channel.say(FrameKind::kSignal, signal_word(SIGCONT));
  channel.say(FrameKind::kPing, kAreYouThere);
}

}  // namespace farhand
