// push: a job of files that the client sends.
#pragma once

#include "server/session.h"

namespace farhand {

Result<void> run_push(Session& session, const Incoming& request);

}  // namespace farhand
