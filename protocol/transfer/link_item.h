// What a link's entry becomes for the StoreQueue.
//
// Threads: one at a time.
#pragma once

#include <optional>

#include "protocol/transfer/job_intake.h"

namespace farhand {

// Nothing if it leads to no place in the target: that has been reported then.
std::optional<StoreItem> link_item(WantedEntry wanted, const JobParts& parts);

}  // namespace farhand
