// exec: runs a command, its three streams on the wire.
#pragma once

#include "common/result.h"
#include "protocol/frame_reader.h"
#include "server/session.h"

namespace farhand {
Result<void> run_exec(Session& session, const Incoming& request);
}
