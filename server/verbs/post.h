// post: takes an uploaded file under the root.
#pragma once

#include "common/result.h"
#include "protocol/frame_reader.h"
#include "server/session.h"

namespace farhand {
Result<void> run_post(Session& session, const Incoming& request);
}
