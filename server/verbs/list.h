// list: tells what is under the root, and of what content, without sending it.
#pragma once

#include "common/result.h"
#include "protocol/frame_reader.h"
#include "server/session.h"

namespace farhand {
Result<void> run_list(Session& session, const Incoming& request);
}
