// Asking after the keeper of a connection, and ending it: what `ssh -O` is for.
#pragma once

#include <sys/types.h>

#include "client/connector.h"
#include "common/result.h"

namespace farhand {

enum class KeeperOrder {
  kCheck,  // nothing
  kStop,   // serve whoever is there, and nobody else
  kExit,   // end at once, and with you what is under way
};

// The keeper's process. kNotFound: there is none. kNoPermission: who is there could not be told.
Result<pid_t> order_keeper(const Connector& connector, KeeperOrder order);

// Ends all keepers whose names begin so (server_mark), with what is under way there, and waits for it. Tells of the
// first that could not be ended.
Result<void> end_keepers(const std::string& server);

}  // namespace farhand
