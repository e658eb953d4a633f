// Visit: what a session tells whoever counts sessions: that its peer has logged in, and how it left.
//
// The door hands one out for each connection that it lets in (doorkeeper.h); a session in a process of its own speaks
// to its parent through one (server/process/control.h).
#pragma once

#include <cstdint>

namespace farhand {

enum class Departure : std::uint8_t {
  kWell,      // after login, however it ended; or ended by us: a shutdown, a shortage, an eviction
  kNoLogin,   // went without asking for anything
  kRefused,   // its key or its code was refused
  kDeadline,  // was not done when the time before login was over
  kProtocol,  // did not speak the protocol
  kCrash,     // the process that served it crashed
};

class Visit {
 public:
  Visit() = default;
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  // The visit is over. Without a word about how: kNoLogin before login, kWell after.
  virtual ~Visit() = default;

  virtual void logged_in() = 0;
  // Says how it ends; the last word counts. Says nothing new after login, but for kCrash.
  virtual void leaves(Departure how) = 0;
};

}  // namespace farhand
