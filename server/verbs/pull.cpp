// pull: opens what a job is to send. The files are the sender's.
#include "server/verbs/pull.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/job_sender.h"
#include "protocol/transfer/path_filter.h"
#include "server/verbs/job_record.h"

namespace farhand {
namespace {

std::string shown_paths(const std::vector<std::string>& paths) {
  return quoted(paths.front()) + (paths.size() > 1 ? " and " + std::to_string(paths.size() - 1) + " more" : "");
}

Result<UniqueFd> open_named(const RootedDirectory& root, const std::string& path, const std::string& name,
                            bool contents) {
  auto opened = root.open_existing(name, contents ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  struct stat status {};
  if (!opened && contents) {
    const auto place = root.open_existing(name, O_PATH);
    const bool is_no_directory = place && ::fstat(place->get(), &status) == 0 && !S_ISDIR(status.st_mode);
    if (is_no_directory) return fail(ErrorCode::kNotRegular, quoted(path) + " is no directory, so it has no contents");
  }
  if (!opened) return opened;
  if (::fstat(opened->get(), &status) != 0) return fail(errno_error(errno, quoted(path) + " cannot be looked at"));
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return opened;
  return fail(ErrorCode::kNotRegular,
              quoted(path) + " is neither a regular file nor a directory, and only those are sent");
}

// Not opened yet. `root` must outlive it.
Result<TreeWalk::Top> top_of(const RootedDirectory& root, const std::string& path, bool contents) {
  TRY_ASSIGN(const std::string name, root.relative(path));
  const std::string leaf = contents ? "." : last_component(name);
  if (!contents && (leaf.empty() || leaf == "." || leaf == "..")) {
    return fail(ErrorCode::kUsage,
                quoted(path) + " has no name of its own; ask for its contents, or name what is in it");
  }
  return TreeWalk::Top{{}, leaf, path, [&root, path, name, contents] {
                         return open_named(root, path, name, contents);
                       }};
}

struct Named {
  std::vector<TreeWalk::Top> tops;
  std::vector<Trouble> troubles;  // of the others
};

// A single path is opened at once, so that what cannot be is refused. Several are opened as the walk comes to them:
// there may be more of them than descriptors. What is wrong with one of these is told as trouble.
Result<Named> named_by(const PullRequest& wanted, const RootedDirectory& root) {
  Named named;
  for (const std::string& path : wanted.paths) {
    auto top = top_of(root, path, wanted.contents);
    if (wanted.paths.size() == 1) {
      if (!top) return fail(top.error());
      TRY_ASSIGN(top->opened, top->open());
    }
    if (top) {
      named.tops.push_back(*std::move(top));
    } else {
      named.troubles.push_back({path, top.error().code, top.error().message});
    }
  }
  return named;
}

Result<TreeWalk> begin_walk(const PullRequest& wanted, const RootedDirectory& root) {
  TreeWalk::Options options;
  TRY_ASSIGN(options.excludes, excludes_of(wanted.filter));
  TRY_ASSIGN(auto named, named_by(wanted, root));
  options.attributes = wanted.attributes;
  options.owner = wanted.owner;
  TRY_ASSIGN(auto walk, TreeWalk::begin(root, std::move(named.tops), std::move(options)));
  for (Trouble& trouble : named.troubles) walk.tell(std::move(trouble));
  return walk;
}

}  // namespace

Result<void> run_pull(Session& session, const Incoming& request) {
  TRY_ASSIGN(const PullRequest wanted, decode_pull(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = shown_paths(wanted.paths);
  if (wanted.paths.size() == 1) {
    session.record.text("path", wanted.paths.front());
  } else {
    session.record.texts("paths", wanted.paths);
  }
  auto walk = begin_walk(wanted, session.root);
  if (!walk) {
    session.refuse(walk.error());
    return discard_job(session.channel);
  }
  JobRecord record;
  TRY_ASSIGN(const JobOutcome outcome, send_job(session.channel, *walk, record, nullptr, wanted.compress));
  record.write(session, outcome.there);
  return {};
}

}  // namespace farhand
