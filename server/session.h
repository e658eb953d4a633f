// Session: what a verb works with: the channel to its client, and what the server shares.
#pragma once

#include <string>

#include "protocol/channel.h"
#include "server/service.h"

namespace farhand {

struct Session {
  Channel& channel;
  Service& service;
  std::string outcome;  // the verb's own part of the request's log line; escaped already
};

}  // namespace farhand
