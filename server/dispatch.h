// The dispatch table: which frame of a client starts which verb, what right that takes, and what the verb may do. Read
// it to see everything a client can ask for.
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
  const char* name;  // in the log
  Right needs;
  bool writes;  // changes files
  VerbFunction run;
};

std::span<const Verb> verbs() noexcept;

// The verb that a frame of this kind begins; nothing if it begins none.
const Verb* find_verb(FrameKind kind) noexcept;

// kRefused, with a sentence that names the right and the key, if these rights do not have what the verb needs.
Result<void> check_right(const Verb& verb, const Rights& rights);

// Answers a request that is not carried out: nothing of it is looked at, and its body is thrown away as it comes. So
// the connection lives on.
Result<void> refuse_request(Session& session, const Incoming& request, const Error& error);

}  // namespace farhand
