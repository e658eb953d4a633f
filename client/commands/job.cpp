// post, get and sync, of files and of whole trees: what was named becomes the engine's sources and target, and its news
// a report.
#include "client/commands/job.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "client/commands/job_watch.h"
#include "client/commands/post.h"
#include "client/commands/stripes.h"
#include "common/escape.h"
#include "common/path_text.h"
#include "common/rate_limit.h"
#include "protocol/limits.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/job_refusal.h"
#include "protocol/transfer/job_sender.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

// What the engine could not carry on with: the connection is lost, but for a refusal that leaves it standing.
Error judged(Connection& connection, const Error& error) {
  if (error.code == ErrorCode::kConnectionLost || (error.code == ErrorCode::kTimedOut && !error.remote)) {
    Error lost = connection.lose(error);
    lost.message += "; no file is half-written, and the same command goes on from here";
    return lost;
  }
  if (!error.remote) return connection.lose(error);
  if (connection.channel().conversation().state(Side::kServer) == State::kEnded) connection.give_up();
  return connection.said_there(error);
}

JobWatch::SaidThere said_by(const Connection& connection) {
  return [&connection](const Error& error) {
    return connection.said_there(error);
  };
}

Error broken_off(const JobEnd& end) {
  const std::string why = end.message.empty() ? "" : ": " + end.message;
  return Error{end.code, "the job was broken off" + why, true};
}

// What stripes have carried is content of this job too.
void count_early(FilesOutcome& outcome, std::uint64_t bytes) {
  outcome.job->bytes += bytes;
  outcome.job->moved += bytes;
}

bool is_dots(const std::string& leaf) {
  return leaf.empty() || leaf == "." || leaf == "..";
}

// A directory that is called "." or "/" has no name for the other side: its contents are meant.
bool stands_for_contents(const std::string& path) {
  const std::string leaf = last_component(path);
  return !path.empty() && (leaf.empty() || leaf == ".");
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// ---------------------------------------------------------------------------------------------------------------------
// post

Result<UniqueFd> open_source(const std::string& path) {
  UniqueFd opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!opened || ::fstat(opened.get(), &status) != 0) {
    return fail(errno_error(errno, farhand::quoted(path) + " cannot be read here"));
  }
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return opened;
  return fail(ErrorCode::kNotRegular,
              farhand::quoted(path) + " is neither a regular file nor a directory, and only those are sent");
}

// A single one is opened at once, so that nothing is begun for what is not there; several are opened as the walk comes
// to them, since there may be more of them than descriptors.
Result<TreeWalk::Top> source_of(const std::string& path, bool contents, bool alone) {
  TreeWalk::Top top{{}, contents ? "." : last_component(path), path, [path] {
                      return open_source(path);
                    }};
  if (!alone) return top;
  TRY_ASSIGN(top.opened, top.open());
  return top;
}

bool means_contents(const PostCommand& command) {
  return command.contents || (command.files.size() == 1 && stands_for_contents(command.files.front()));
}

Result<TreeWalk> begin_walk(const PostCommand& command, JobWatch& watch) {
  std::vector<TreeWalk::Top> tops;
  for (const std::string& path : command.files) {
    auto top = source_of(path, means_contents(command), command.files.size() == 1);
    if (top) {
      watch.name(path, top->name);
      tops.push_back(*std::move(top));
    } else {
      watch.refuse(path, top.error());
    }
  }
  TreeWalk::Options options;
  TRY_ASSIGN(options.excludes, excludes_of(command.options.filter));
  options.attributes = command.options.job.attributes;
  options.owner = command.options.job.owner;
  TRY_ASSIGN(const auto resolver, RootedDirectory::open("/"));  // says how; where one stands may be gone
  return TreeWalk::begin(resolver, std::move(tops), std::move(options));
}

// Files that go behind a slash go into a directory that is there, so that a name with a mistake in it makes none.
Placement placement_of(const PostCommand& command, bool several) {
  if (means_contents(command)) return Placement::kAs;
  const bool behind_slash = !command.to.empty() && command.to.back() == '/';
  if (behind_slash && std::none_of(command.files.begin(), command.files.end(), is_directory)) {
    return Placement::kIntoThere;
  }
  const bool into = several || command.to.empty() || behind_slash;
  return into ? Placement::kInto : Placement::kAsOrInto;
}

// Another walk over some of them, which tells of nothing: the job's own does.
Result<TreeWalk> walk_over(const Connection& connection, const PostCommand& command,
                           const std::vector<std::string>& names, Progress& progress) {
  PostCommand some = command;
  some.files = names;
  some.contents = means_contents(command);
  FilesOutcome nobodys;
  JobWatch deaf(said_by(connection), progress, nobodys, false);
  return begin_walk(some, deaf);
}

PushRequest push_request(const PostCommand& command, bool several) {
  const auto protect = command.options.job.delete_extra ? command.options.filter : std::vector<std::string>();
  return {command.to, placement_of(command, several), command.options.job, protect};
}

// ---------------------------------------------------------------------------------------------------------------------
// get

struct LocalPlace {
  RootedDirectory root;
  std::string to;  // in it
  Placement placement;
  std::string prefix;  // how the user knows the root: empty, or with a slash at the end
};

// Whether it may have been made by an interrupted run of the same command, as the like of the one source.
bool may_be_unfinished(const GetCommand& command, bool contents) {
  struct stat status {};
  const std::string& to = command.to;
  return !contents && command.paths.size() == 1 && to.back() != '/' && !is_dots(last_component(to)) &&
         ::lstat(to.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<LocalPlace> local_place(const GetCommand& command, bool contents, bool several) {
  const std::string& to = command.to;
  if (to.empty() || (is_directory(to) && !may_be_unfinished(command, contents))) {
    TRY_ASSIGN(auto root, RootedDirectory::open(to.empty() ? "." : to));
    const std::string prefix = to.empty() ? "" : to + (to.back() == '/' ? "" : "/");
    return LocalPlace{std::move(root), ".", contents ? Placement::kAs : Placement::kInto, prefix};
  }
  const std::string leaf = last_component(to);
  if (is_dots(leaf))
    return fail(ErrorCode::kUsage, farhand::quoted(to) + " is no directory here, and cannot become one");
  if (!several && to.back() == '/' && !contents) {
    return fail(ErrorCode::kNotFound, "there is no directory " + farhand::quoted(to) + " here");
  }
  const std::string whole = to.substr(0, to.find_last_not_of('/') + 1);
  const std::string parent = whole.substr(0, whole.size() - leaf.size());
  TRY_ASSIGN(auto root, RootedDirectory::open(parent.empty() ? "." : parent));
  const bool into = several || to.back() == '/';
  return LocalPlace{std::move(root), leaf,
                    contents ? Placement::kAs
                    : into   ? Placement::kInto
                             : Placement::kAsOrInto,
                    parent};
}

bool means_contents(const GetCommand& command) {
  return command.contents || (command.paths.size() == 1 && stands_for_contents(command.paths.front()));
}

// Nothing is made here before the server has agreed.
Result<void> await_agreement(Channel& channel) {
  for (;;) {
    TRY_ASSIGN(const auto incoming, channel.peek());
    if (!incoming && channel.exhausted()) return {};  // whoever receives says so
    if (!incoming) {
      TRY(channel.wait({}, Deadline::never()));
      continue;
    }
    if (incoming->kind() != FrameKind::kError) return {};
    Error error = error_of_peer(*incoming);
    channel.consume(incoming->bytes.size());
    if (channel.may_say(FrameKind::kFinish)) channel.say_structure(FrameKind::kFinish, encode(JobEnd{}));
    return fail(std::move(error));
  }
}

PullRequest pull_request(const GetCommand& command) {
  const JobOptions& job = command.options.job;
  return {command.paths, means_contents(command),  job.attributes,
          job.owner,     command.options.compress, command.options.filter};
}

Result<JobTarget> target_of(const GetCommand& command, const LocalPlace& place, mode_t mode_mask) {
  JobTarget target{place.root, place.to, place.placement, mode_mask};
  target.replaces_links = true;
  TRY_ASSIGN(target.excludes, excludes_of(command.options.filter));
  if (means_contents(command)) return target;
  for (const std::string& path : command.paths) target.names.push_back(last_component(path));
  return target;
}

void receive(Connection& connection, const JobTarget& target, const GetCommand& command, JobWatch& watch) {
  if (auto agreed = await_agreement(connection.channel()); !agreed) {
    return watch.fail_whole(judged(connection, agreed.error()));
  }
  auto received = receive_job(connection.channel(), target, command.options.job, watch);
  if (!received) return watch.fail_whole(judged(connection, received.error()));
  if (!*received) {
    watch.fail_whole((*received).error());
    return connection.give_up();  // what the server sends is not worth its way
  }
  const JobEnd& there = (*received)->there;
  watch.finish((*received)->here, (*received)->here, there);
  if (there.complete) return watch.expect_all_came();
  watch.fail_whole(connection.said_there(broken_off(there)));
}

}  // namespace

FilesOutcome post_job(Connection& connection, const PostCommand& command, bool several, Progress& progress) {
  FilesOutcome outcome;
  outcome.named = command.files.size();
  JobWatch watch(said_by(connection), progress, outcome, command.options.job.dry_run);
  const auto fine = check_wire_name(command.to);
  auto walk = fine ? begin_walk(command, watch) : Result<TreeWalk>(fail(fine.error()));
  if (!walk) {
    watch.refuse_whole(walk.error());
    return outcome;
  }
  if (outcome.files.size() == command.files.size()) return outcome;  // there is nothing
  const auto early = post_stripes(
      connection, command, placement_of(command, several),
      [&](const auto& names) { return walk_over(connection, command, names, progress); }, progress);
  if (!early) {
    watch.fail_whole(judged(connection, early.error()));
    return outcome;
  }
  std::optional<RateLimit> limit;
  if (command.options.rate > 0) limit.emplace(command.options.rate);
  connection.channel().say_structure(FrameKind::kPush, encode(push_request(command, several)));
  const auto sent = send_job(connection.channel(), *walk, watch, limit ? &*limit : nullptr, command.options.compress);
  if (sent) {
    watch.finish(sent->there, sent->here, sent->there);
    if (!sent->there.complete) watch.fail_whole(connection.said_there(broken_off(sent->there)));
  } else {
    watch.fail_whole(judged(connection, sent.error()));
  }
  count_early(outcome, *early);
  return outcome;
}

FilesOutcome get_job(Connection& connection, const GetCommand& command, bool several, Progress& progress,
                     mode_t mode_mask) {
  FilesOutcome outcome;
  outcome.named = command.paths.size();
  JobWatch watch(said_by(connection), progress, outcome, command.options.job.dry_run);
  for (const std::string& path : command.paths) watch.name(path, means_contents(command) ? "." : last_component(path));
  const auto place = local_place(command, means_contents(command), several);
  auto target = place ? target_of(command, *place, mode_mask) : Result<JobTarget>(fail(place.error()));
  if (!target) {
    watch.refuse_whole(target.error());
    return outcome;
  }
  if (several) watch.goes_into(place->to);
  const auto early = get_stripes(connection, command, *target, means_contents(command), progress);
  if (!early) {
    watch.fail_whole(judged(connection, early.error()));
    return outcome;
  }
  connection.channel().say_structure(FrameKind::kPull, encode(pull_request(command)));
  connection.channel().limit_reading(command.options.rate);
  receive(connection, *target, command, watch);
  connection.channel().limit_reading(0);
  count_early(outcome, *early);
  for (FileOutcome& file : outcome.files) {
    if (!file.error) file.path = place->prefix + file.path;
  }
  return outcome;
}

}  // namespace farhand
