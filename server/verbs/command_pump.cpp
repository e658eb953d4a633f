// The loop between a command's pipes and the wire.
#include "server/verbs/command_pump.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {
// What is read from a pipe at once: a pipe holds 64 KiB by default, and this is one outbox full.
constexpr std::size_t kReadBytes = kOutboxBytes;

std::uint64_t waiting_bytes(int pipe) {
  int count = 0;
  if (::ioctl(pipe, FIONREAD, &count) != 0) throw_errno("FIONREAD");
  return static_cast<std::uint64_t>(count);
}
}  // namespace

CommandPump::CommandPump(Channel& channel, Child& child)
    : channel_(channel),
      child_(child),
      outputs_{Output{child.output, FrameKind::kStdout, 0, std::nullopt},
               Output{child.errors, FrameKind::kStderr, 0, std::nullopt}} {}

Result<void> CommandPump::run() {
  for (;;) {
    TRY(take_input());
    for (Output& output : outputs_) read_output(output);
    if (finished()) return {};
    TRY(wait_for_change());
  }
}

bool CommandPump::finished() const {
  return exited_ && std::all_of(outputs_.begin(), outputs_.end(), [](const Output& output) { return !output.pipe; });
}

// ---------------------------------------------------------------------------------------------------------------------
// Input

// Frames of the next request stay where they are: they are not ours.
Result<void> CommandPump::take_input() {
  input_blocked_ = false;
  while (!input_ended_ && !input_blocked_) {
    TRY_ASSIGN(const auto piece, channel_.peek());
    if (!piece) break;
    if (piece->kind() == FrameKind::kStdin && piece->header.size > 0) {
      write_input(*piece);
      continue;
    }
    if (piece->kind() == FrameKind::kError) return fail(ErrorCode::kConnectionLost, "the client gave up in the middle");
    if (piece->kind() == FrameKind::kStdin) channel_.consume(0);
    input_ended_ = true;  // by its empty frame, or by the client's bye
    child_.input.reset();
  }
  if (channel_.peer_ended()) {
    TRY(channel_.peek());  // says so, unless the client has said bye and waits for the answer
  }
  return {};
}

void CommandPump::write_input(const Incoming& piece) {
  if (!child_.input) {  // nobody reads it any more
    channel_.consume(piece.bytes.size());
    return;
  }
  const ssize_t written = write_some(child_.input.get(), piece.bytes);
  if (written >= 0) {
    channel_.consume(static_cast<std::size_t>(written));
    input_bytes_ += static_cast<std::uint64_t>(written);
  } else if (errno == EAGAIN) {
    input_blocked_ = true;
  } else {
    child_.input.reset();  // EPIPE: the command has closed its input, which is its right
  }
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
  exited_ = true;
  child_.input.reset();
  for (Output& output : outputs_) {
    if (output.pipe) output.left = waiting_bytes(output.pipe.get());
  }
}

// ---------------------------------------------------------------------------------------------------------------------

Result<void> CommandPump::wait_for_change() {
  std::array<pollfd, 4> watched{};
  const bool room = channel_.has_room();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    // After the exit everything left is in the pipe already: only room is waited for.
    watched[i] = {room && !exited_ ? outputs_[i].pipe.get() : -1, POLLIN, 0};
  }
  watched[2] = {input_blocked_ && child_.input ? child_.input.get() : -1, POLLOUT, 0};
  watched[3] = {exited_ ? -1 : child_.exit_fd(), POLLIN, 0};
  TRY(channel_.wait(watched, Deadline::never()));
  if (watched[3].revents != 0) note_exit();
  return {};
}

std::string CommandPump::shown_traffic() const {
  return " in " + std::to_string(input_bytes_) + " out " + std::to_string(outputs_[0].said_bytes) + " err " +
         std::to_string(outputs_[1].said_bytes);
}

}  // namespace farhand
