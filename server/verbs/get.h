// get: sends a file from under the root.
#pragma once

#include "common/result.h"
#include "protocol/frame_reader.h"
#include "server/session.h"

namespace farhand {
Result<void> run_get(Session& session, const Incoming& request);
}
