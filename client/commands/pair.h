// pair: trades an invitation's code for a place among the keys of a server, and the server's for one among ours.
#pragma once

#include <memory>
#include <string>

#include "client/command_line.h"
#include "client/known_hosts.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "protocol/messages/pairing.h"

namespace farhand {

struct PairOutcome {
  KnownHost host;  // as it is known from now on
  Paired paired;
};

// Says `pair` on a stream whose other side has proven to be the server of the code, and hears the answer. Errors that
// the server reports are `remote`.
Result<Paired> ask_to_pair(std::unique_ptr<Stream> stream, const std::string& host, const Pair& message);

// The whole of it, up to hosts.toml. Nothing is sent before the alias is known to be free.
Result<PairOutcome> run_pair(const PairCommand& command, const ClientOptions& options);

// Overwrites words that are pairing codes, so that nobody reads them in the list of processes for as long as we run.
void hide_pairing_codes(int argc, char** argv) noexcept;

}  // namespace farhand
