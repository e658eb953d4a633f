// Reason in words.
#include "server/events/reason.h"

namespace events {
namespace {

const char* words(Ending ending) noexcept {
  switch (ending) {
    case Ending::kPeerEnded:
      return "the peer ended the connection";
    case Ending::kClosed:
      return "the connection was closed";
    case Ending::kLost:
      return "the connection was lost";
    case Ending::kTimedOut:
      return "the connection timed out";
    case Ending::kAborted:
      return "the connection was aborted";
    case Ending::kOverflow:
      return "the peer does not read what is sent to it";
    case Ending::kFailed:
      return "the connection was ended by a failure on this side";
    case Ending::kStopped:
      return "the reactor was stopped";
  }
  return "the connection ended";
}

}  // namespace

std::string Reason::to_string() const {
  const std::string text = words(ending);
  return error ? text + ": " + error.message() : text;
}

}  // namespace events
