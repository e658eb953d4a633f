// Refusals: the words for everybody who is refused before login, and what a failure before login says of a peer.
#pragma once

#include "common/result.h"
#include "server/limits/visit.h"

namespace farhand {

// One sentence for everybody who is refused before login, whatever the reason; the log and the audit know it.
inline Error uniform_refusal() {
  return Error{ErrorCode::kRefused, "this server does not serve you: your user or key is not enrolled here", false};
}

// Whoever holds a good key for a user whom the host does not know.
inline Error no_such_user() {
  return Error{ErrorCode::kFileTrouble, "the user that your key is for is not to be had on the server", false};
}

// What a failure before login says of the peer. What is the machine's or the server's fault says nothing.
inline Departure departure_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kConnectionLost:
      return Departure::kNoLogin;
    case ErrorCode::kTimedOut:
      return Departure::kDeadline;
    case ErrorCode::kRefused:
      return Departure::kRefused;
    case ErrorCode::kProtocol:
    case ErrorCode::kLimit:
    case ErrorCode::kWrongIdentity:
      return Departure::kProtocol;
    default:
      return Departure::kWell;
  }
}

}  // namespace farhand
