// slice: a stretch of a large file that the client asks for, for a job that comes later.
#pragma once

#include "server/session.h"

namespace farhand {

Result<void> run_slice(Session& session, const Incoming& request);

}  // namespace farhand
