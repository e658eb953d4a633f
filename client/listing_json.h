// Entries, differences and failures as objects of --json, one by one, since a listing is longer than memory should be.
//
// Format: README.md, "For programs". Fields are only ever added.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/commands/tree_comparison.h"
#include "common/result.h"
#include "protocol/messages/job.h"

namespace farhand {

// `name`: what the entry is called here; `asked`: the PATH in whose listing it stands.
std::string entry_json(const Entry& entry, const std::string& name, const std::string& asked);
std::string difference_json(const Difference& difference);
std::string trouble_json(const Trouble& trouble, bool remote);
std::string failure_json(const std::string& path, const Error& error);

// "null", or the error.
std::string error_or_null(const std::optional<Error>& error);

}  // namespace farhand
