// Options that post and get have in common, on the command line.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "client/command_line.h"

namespace farhand {

// Declares them. `options` must outlive the parsing.
void add_transfer_options(CLI::App& verb, TransferOptions& options);

// What sync has beside them, and what differs for it.
void add_sync_options(CLI::App& verb, TransferOptions& options);

// What the parser does not tell: the patterns, in the order in which they stand among `words`, the whole command
// line's. kUsage for one that is none.
Result<void> finish_transfer_options(const std::vector<std::string>& words, TransferOptions& options);

}  // namespace farhand
