// pull: a job of files that the client asks for.
#pragma once

#include "server/session.h"

namespace farhand {

Result<void> run_pull(Session& session, const Incoming& request);

}  // namespace farhand
