// Names of signals made numbers, and frames that come too late.
#include "server/verbs/command_signal.h"

#include <signal.h>

#include "common/escape.h"
#include "protocol/messages/command.h"

namespace farhand {

Result<int> signal_of(const Incoming& frame) {
  if (const auto number = signal_number(frame.header.name)) return *number;
  return fail(ErrorCode::kProtocol, "there is no signal " + quoted(frame.header.name) + " that a client may send");
}

int without_terminal(int signal_number) noexcept {
  return signal_number == SIGTSTP ? SIGSTOP : signal_number;
}

Result<bool> discard_late(Channel& channel, const Incoming& frame) {
  const FrameKind kind = frame.kind();
  if (kind != FrameKind::kStdin && kind != FrameKind::kSignal && kind != FrameKind::kResize) return false;
  if (kind == FrameKind::kSignal) TRY(signal_of(frame));
  if (kind == FrameKind::kResize) TRY(decode_resize(frame.bytes));
  channel.consume(frame.bytes.size());
  return true;
}

}  // namespace farhand
