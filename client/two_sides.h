// The words of verbs that have a side here and one on the host, sync and verify: which is which, by a colon in
// front.
#pragma once

#include <string>
#include <vector>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

// Source and destination. A slash at the end of a name means nothing.
Result<SyncCommand> finish_sync(SyncCommand command, const std::vector<std::string>& names);

Result<VerifyCommand> finish_verify(VerifyCommand command, std::vector<std::string> names);

}  // namespace farhand
