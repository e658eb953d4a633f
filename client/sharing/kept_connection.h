// KeptConnection: a connection to the server that has been greeted, and outlives the client that asked for it.
//
// Ownership: owns its stream. It stands where it is made: its gate refers to its conversation. Threads: one at a time.
// Errors:    none of its own: whoever asks nothing of a connection only learns that it is of no more use.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "client/sharing/frame_gate.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "protocol/conversation.h"

namespace farhand {

// Time that goes on while the machine sleeps: a server does not wait for a laptop that does.
using SinceBoot = std::chrono::milliseconds;
SinceBoot since_boot();

class KeptConnection {
 public:
  // `greeting`: the server's hello, a structure. Nothing else of the conversation may have been said or heard, or
  // everything that was asked must have been answered.
  KeptConnection(std::unique_ptr<Stream> stream, std::string greeting);
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

  std::unique_ptr<Stream> stream;
  Conversation conversation;
  FrameGate from_server;
  std::string greeting;

  // Nothing is due, nothing is half-said, and nobody has broken a rule: the next client may have it.
  [[nodiscard]] bool is_quiet() const noexcept;

  // --- while nobody uses it -------------------------------------------------------------------------------------
  // Begins that time.
  void rest();
  // Takes what has come, answers it, and says a sign of life where one is due. False: it is of no more use.
  bool tend();
  [[nodiscard]] SinceBoot resting_since() const noexcept { return resting_since_; }
  // When tend() has something to do, even if nothing comes.
  [[nodiscard]] SinceBoot next_tending() const noexcept;
  // Says bye, as far as that goes at once.
  void part() noexcept;

 private:
  bool hear();
  bool say(FrameKind kind, const std::string& name);

  SinceBoot resting_since_{};
  SinceBoot heard_{};
  SinceBoot said_{};
};

}  // namespace farhand
