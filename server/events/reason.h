// Reason: why a connection ended, or why none came about.
#pragma once

#include <string>
#include <system_error>

#include "common/export.h"

namespace events {

enum class Ending {
  kPeerEnded,  // the peer ended its side, and everything queued for it was sent
  kClosed,     // lose_connection(): everything queued was sent
  kLost,       // the network or the peer: refused, reset, unreachable, name not found; `error` says which
  kTimedOut,   // a deadline passed: to connect, set_timeout(), or a peer that does not read before the close
  kAborted,    // abort_connection(), or a connector that was told to stop
  kOverflow,   // more was queued for the peer than ReactorOptions permit
  kFailed,     // our side: something was thrown from a hook, or a file ended before what was promised of it
  kStopped,    // the reactor was stopped
};

struct FARHAND_API Reason {
  Ending ending = Ending::kClosed;
  std::error_code error = {};  // the system's, where there is one

  // Whether both sides had their say: nothing was cut off by us, the peer or the network.
  [[nodiscard]] bool clean() const noexcept { return ending == Ending::kPeerEnded || ending == Ending::kClosed; }
  // A few plain words, such as "the connection was lost: Connection reset by peer".
  [[nodiscard]] std::string to_string() const;
};

}  // namespace events
