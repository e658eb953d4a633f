// The loop between a command's pipes and the wire, and the clock.
#include "server/verbs/command_pump.h"

#include <signal.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "common/file_io.h"
#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "server/verbs/command_signal.h"

namespace farhand {
namespace {
// What is read from a pipe at once: a pipe holds 64 KiB by default, and this is one outbox full.
constexpr std::size_t kReadBytes = kOutboxBytes;

std::uint64_t waiting_bytes(int pipe) {
  int count = 0;
  if (::ioctl(pipe, FIONREAD, &count) != 0) throw_errno("FIONREAD");
  return static_cast<std::uint64_t>(count);
}

// Between HUP and TERM, and KILL.
constexpr std::chrono::seconds kGraceAfterTimeout{2};
constexpr std::size_t kRecordedSignals = 32;  // for the audit; a client may send any number

Deadline limit_of(Deadline::Clock::time_point started, std::chrono::milliseconds timeout) {
  return timeout.count() == 0 ? Deadline::never() : Deadline::at(started + timeout);
}
}  // namespace

CommandPump::CommandPump(Channel& channel, GuardedChild& child, std::chrono::milliseconds timeout,
                         const CommandTerminal* terminal)
    : channel_(channel),
      child_(child),
      terminal_(terminal),
      input_(channel, child.input, terminal),
      outputs_{Output{child.output, FrameKind::kStdout, 0, std::nullopt},
               Output{child.errors, FrameKind::kStderr, 0, std::nullopt}},
      limit_(limit_of(child.started(), timeout)) {}

Result<void> CommandPump::run() {
  for (;;) {
    TRY(hear());
    input_.write();
    for (Output& output : outputs_) read_output(output);
    input_.acknowledge();
    if (limit_.passed()) press();
    if (finished()) return {};
    TRY(wait_for_change());
  }
}

bool CommandPump::finished() const {
  if (stuck()) return true;
  return exited_ && std::all_of(outputs_.begin(), outputs_.end(), [](const Output& output) { return !output.pipe; });
}

// ---------------------------------------------------------------------------------------------------------------------
// What the client says

Result<void> CommandPump::hear() {
  for (bool more = true; more;) {
    TRY_ASSIGN(const auto piece, channel_.peek());
    if (!piece) break;
    TRY_ASSIGN(more, take(*piece));
  }
  if (channel_.peer_ended()) {
    TRY(channel_.peek());  // says so, unless the client has said bye and waits for the answer
  }
  return {};
}

// False: it stays where it is: the next request, the client's bye, or input that has to wait.
Result<bool> CommandPump::take(const Incoming& piece) {
  if (piece.kind() == FrameKind::kError) return fail(ErrorCode::kConnectionLost, "the client gave up in the middle");
  if (piece.kind() == FrameKind::kStdin && piece.header.size > 0) return input_.take(piece);
  if (piece.kind() == FrameKind::kSignal) TRY(pass_on_signal(piece));
  if (piece.kind() == FrameKind::kResize) TRY(pass_on_size(piece));
  const bool ours =
      piece.kind() == FrameKind::kStdin || piece.kind() == FrameKind::kSignal || piece.kind() == FrameKind::kResize;
  if (piece.kind() == FrameKind::kStdin || (!ours && !input_.ended())) input_.end();
  if (ours) channel_.consume(piece.bytes.size());
  return ours;
}

Result<void> CommandPump::pass_on_signal(const Incoming& piece) {
  TRY_ASSIGN(const int number, signal_of(piece));
  const pid_t foreground = terminal_ != nullptr ? terminal_->foreground(child_) : 0;
  if (foreground > 0) {
    ::kill(-foreground, number);
  } else {
    child_.signal_group(terminal_ != nullptr ? number : without_terminal(number));
  }
  if (signals_.size() < kRecordedSignals) signals_.emplace_back(signal_word(number));
  return {};
}

Result<void> CommandPump::pass_on_size(const Incoming& piece) {
  TRY_ASSIGN(const TerminalSize size, decode_resize(piece.bytes));
  if (terminal_ != nullptr) terminal_->resize(size);
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Output

void CommandPump::read_output(Output& output) {
  while (output.pipe && channel_.has_room()) {
    if (output.left == 0) return output.pipe.reset();
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, output.left.value_or(kReadBytes)));
    const ssize_t got = read_some(output.pipe.get(), channel_.begin_bytes(output.kind, {}, most));
    if (got < 0 && errno == EAGAIN) {
      if (output.left) output.pipe.reset();  // somebody else has read from it; there is nothing to wait for
      return;
    }
    if (got <= 0) return output.pipe.reset();
    channel_.end_bytes(static_cast<std::size_t>(got));
    output.said_bytes += static_cast<std::uint64_t>(got);
    if (output.left) *output.left -= static_cast<std::uint64_t>(got);
  }
}

void CommandPump::note_exit() {
  exited_ = Deadline::Clock::now();
  input_.drop();
  if (pressure_ != Pressure::kAsked) limit_ = Deadline::never();
  for (Output& output : outputs_) {
    // What a terminal holds cannot be asked, but reading it until it has nothing gets all of that.
    if (output.pipe) output.left = terminal_ != nullptr ? kMostInTerminal : waiting_bytes(output.pipe.get());
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

// The limit has passed: the next step.
void CommandPump::press() {
  if (pressure_ == Pressure::kNone) {
    if (child_.ended()) return note_exit();                                         // just in time
    for (const int signal : {SIGHUP, SIGTERM, SIGCONT}) child_.signal_all(signal);  // one that is stopped hears nothing
    pressure_ = Pressure::kAsked;
    limit_ = Deadline::after(kGraceAfterTimeout);
  } else if (pressure_ == Pressure::kAsked) {
    child_.kill();
    pressure_ = Pressure::kKilled;
    limit_ = exited_ ? Deadline::never() : Deadline::after(kGraceAfterTimeout);
  } else if (!exited_) {
    pressure_ = Pressure::kGivenUp;
  }
}

Result<void> CommandPump::wait_for_change() {
  std::array<pollfd, 4> watched{};
  const bool room = channel_.has_room();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    // After the exit everything left is in the pipe already: only room is waited for.
    watched[i] = {room && !exited_ ? outputs_[i].pipe.get() : -1, POLLIN, 0};
  }
  watched[2] = {input_.blocked_on(), POLLOUT, 0};
  watched[3] = {exited_ ? -1 : child_.news_fd(), POLLIN, 0};
  TRY(channel_.wait(watched, Deadline::earlier(limit_, input_.patience())));
  if (watched[3].revents != 0 && child_.ended()) note_exit();
  return {};
}

std::chrono::microseconds CommandPump::elapsed() const noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(exited_.value_or(Deadline::Clock::now()) -
                                                               child_.started());
}

std::string CommandPump::shown_traffic() const {
  return " in " + std::to_string(input_.written_bytes()) + " out " + std::to_string(outputs_[0].said_bytes) + " err " +
         std::to_string(outputs_[1].said_bytes);
}

}  // namespace farhand
