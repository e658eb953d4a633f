// rserver keys: lists the enrolled keys, what they may do, and what is wrong with keys.toml. rserver check-config: the
// same look at everything that a server reads, with a status that says whether it is well.
#pragma once

#include "common/result.h"
#include "server/commands/command_line.h"
#include "server/commands/outcome.h"
#include "server/keys/key_file.h"

namespace farhand {

Result<CommandOutcome> run_keys(const KeysOptions& options);
Result<CommandOutcome> run_check_config();

// The lists, for tests.
std::string key_lines(const KeyTable& table);
std::string key_json(const KeyFile& keys, const std::string& file);

}  // namespace farhand
