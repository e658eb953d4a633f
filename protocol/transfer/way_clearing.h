// Takes away what is in the way of an entry: a directory where the sender has a file, or a file where it has a
// directory. With delete_extra only. It is no guess, for the sender has said what it has under that name; so it does
// not wait for the end of the job, as what is merely missing there does.
//
// Nothing is touched if any of it is excluded, is a backup, cannot be read, is no file, link or directory, or would
// make more deletions than may be; no link is followed.
//
// Threads: any, one at a time for one target. Errors: why it stays, in a sentence.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "protocol/transfer/extra_names.h"

namespace farhand {

// `path`: in the target. `deleted`: names that the job has deleted so far. How many went.
Result<std::uint64_t> clear_way(const TreeTarget& target, const std::string& path, const ExtraNames::Rules& rules,
                                std::uint64_t deleted);

}  // namespace farhand
