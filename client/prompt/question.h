// A question to the host's /bin/sh that the user does not see: where a directory is, which names begin so.
//
// Threads: one.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/connection.h"

namespace farhand {

struct HostQuestion {
  std::string script;
  std::vector<std::string> words{};  // $1, $2, ...
  std::string directory{};           // where it is asked; empty: in the served one
  std::vector<std::string> environment{};
  // The host ends it after this long; if that is not heard within another second, the connection is given up.
  std::chrono::milliseconds patience{};
};

struct HostAnswer {
  int status = 0;
  std::string out;
  std::string errors;
};

// Signals are for the question meanwhile: Ctrl-C ends it. Whoever calls holds TERM. Errors: as exec's, and kTimedOut.
Result<HostAnswer> ask_host(Connection& connection, const HostQuestion& question);

// Whether questions may be asked at all. A key with a fixed command would run that instead, whatever it does; but where
// its command starts is below the key's root, so a command that is to start in "/.." is refused to it, and nothing
// runs.
Result<bool> may_ask_host(Connection& connection);

}  // namespace farhand
