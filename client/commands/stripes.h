// The large files of a post or get, carried in stretches over several connections ahead of the job: which these are,
// and the requests for them.
//
// It is only ever a help: with -P, or where the link shows that it is worth it, and never where the job has rules about
// what is there already (a dry run, --backup, --no-overwrite, --update, --checksum, sync), nor with --compress, whose
// one stream is the job's.
//
// Ownership: borrows all. Threads: one calls; requests are made by several.
// Errors:    the connection's, an interrupt among them. What cannot be carried so is left to the job without a word.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/connection.h"
#include "client/progress.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {

// How many connections a job may have for large files: what was asked for, else what the link shows.
std::size_t connections_for(const Connection& connection, const TransferOptions& options) noexcept;

// What the link shows: 4 where losses cost much, else 1.
std::size_t connections_over(const std::optional<LinkFacts>& link) noexcept;

// A walk over these of the names, as the job's own; files are opened through it by any thread, one at a time.
using WalkOver = std::function<Result<TreeWalk>(const std::vector<std::string>& names)>;

// The bytes that went over the wire.
Result<std::uint64_t> post_stripes(Connection& connection, const PostCommand& command, Placement placement,
                                   const WalkOver& walk_over, Progress& progress);

// `target`: as the job's. `contents`: of the one directory that is named.
Result<std::uint64_t> get_stripes(Connection& connection, const GetCommand& command, const JobTarget& target,
                                  bool contents, Progress& progress);

}  // namespace farhand
