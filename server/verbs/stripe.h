// stripe: a stretch of a large file that the client sends, for a job that comes later.
#pragma once

#include "server/session.h"

namespace farhand {

Result<void> run_stripe(Session& session, const Incoming& request);

}  // namespace farhand
