// The dispatch table: which frame of a client starts which verb, and what that verb may do. Read it to see everything a
// client can ask for.
#pragma once

#include <span>

#include "common/result.h"
#include "protocol/frame.h"
#include "protocol/frame_reader.h"
#include "server/session.h"

namespace farhand {

// Answers one request, whose first frame has been peeked at and not consumed. An Error ends the connection: it broke,
// or the peer broke the protocol. A request that merely fails has been answered with `error` or `exit`.
using VerbFunction = Result<void> (*)(Session& session, const Incoming& request);

struct Verb {
  FrameKind kind;
  const char* name;  // in the log, and the right that a key needs
  bool writes;       // changes files
  VerbFunction run;
};

std::span<const Verb> verbs() noexcept;

// The verb that a frame of this kind begins; nothing if it begins none.
const Verb* find_verb(FrameKind kind) noexcept;

}  // namespace farhand
