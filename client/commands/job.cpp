// post and get of whole trees: what was named becomes the engine's sources and target, and its news a report.
#include "client/commands/job.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "client/commands/post.h"
#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/job_refusal.h"
#include "protocol/transfer/job_sender.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

class Watch final : public JobObserver {
 public:
  Watch(const Connection& connection, Progress& progress, FilesOutcome& outcome, bool dry_run)
      : connection_(connection), progress_(progress), outcome_(outcome), dry_run_(dry_run) {
    outcome_.job.emplace();
  }

  // Something that the user has named, and what its entry is called.
  void name(const std::string& shown, const std::string& path) { names_.push_back({shown, path}); }
  // What comes keeps its name in this directory, of however many of the names something comes.
  void goes_into(const std::string& directory) { directory_ = directory; }

  void listed(std::uint64_t, std::uint64_t bytes) override { progress_.expect(bytes); }
  void file_begun(const std::string& path) override { progress_.begin_file(path); }
  void moved(std::uint64_t bytes) override { progress_.at(moved_ += bytes); }
  void spared(std::uint64_t bytes) override { progress_.at(moved_ += bytes); }

  void file_ended(const std::string& path, std::uint64_t bytes, const HashValue& hash) override {
    if (const Name* name = find(path)) put({name->shown, path, bytes, hash, std::nullopt});
  }

  void would(const std::string& path, std::string_view what) override {
    if (job().would.size() < kMostFailuresKept) job().would.push_back(std::string(what) + " " + quoted(path));
  }

  void trouble(const Trouble& trouble, bool remote) override {
    const Error error{trouble.code, remote ? sentence_for_display(trouble.message) : trouble.message, remote};
    if (trouble.is_notice && remote && dry_run_ &&
        (error.message == "new" || error.message == "changed" || error.message == "deleted")) {
      return would(trouble.path, error.message);
    }
    if (trouble.is_notice) return keep(job().notices, trouble.path, error);
    ++(remote ? told_there_ : told_here_);
    const Name* name = find(trouble.path);
    if (name != nullptr) {
      put({name->shown, {}, 0, std::nullopt, with_its_side(error)});
      return;
    }
    ++job().failed;
    keep(job().failures, trouble.path, error);
  }

  // How it went: both sides' last words.
  // Each side may have counted more than it has told.
  void finish(const JobEnd& receiver, const JobEnd& here, const JobEnd& there) {
    for (const Name& name : names_) adopt_failure(name, place_of(receiver.place, name.path));
    if (there.failed > told_there_) job().failed += there.failed - told_there_;
    if (here.failed > told_here_) job().failed += here.failed - told_here_;
    job().stored = receiver.files;
    job().unchanged = receiver.unchanged;
    job().bytes = receiver.bytes;
    job().deleted = receiver.deleted;
    for (FileOutcome& file : outcome_.files) {
      if (!file.error) file.path = place_of(receiver.place, file.path);
    }
  }
  // It ended everything, and nothing is known of files that the other side has not confirmed.
  void fail_whole(const Error& error) {
    std::erase_if(outcome_.files, [](const FileOutcome& file) { return !file.error; });
    outcome_.files.push_back({names_.empty() ? "" : names_.front().shown, {}, 0, std::nullopt, error});
  }

 private:
  struct Name {
    std::string shown;
    std::string path;
  };

  JobReport& job() { return *outcome_.job; }

  // What was named has a sentence of its own, which says where it is from.
  [[nodiscard]] Error with_its_side(const Error& error) const {
    return error.remote ? connection_.said_there(error) : error;
  }

  // What the receiver has told of something by the place where it would be.
  void adopt_failure(const Name& name, const std::string& place) {
    auto& failures = job().failures;
    const auto told = std::find_if(failures.begin(), failures.end(),
                                   [&](const EntryTrouble& failure) { return failure.path == place; });
    if (told == failures.end()) return;
    put({name.shown, {}, 0, std::nullopt, with_its_side(told->error)});
    failures.erase(told);
    --job().failed;
  }

  // One outcome a name; what went wrong is what counts.
  void put(FileOutcome file) {
    for (FileOutcome& known : outcome_.files) {
      if (known.name != file.name) continue;
      if (!known.error) known = std::move(file);
      return;
    }
    outcome_.files.push_back(std::move(file));
  }

  [[nodiscard]] const Name* find(const std::string& path) const {
    const auto found = std::find_if(names_.begin(), names_.end(),
                                    [&](const Name& name) { return name.path == path || name.shown == path; });
    return found == names_.end() ? nullptr : &*found;
  }

  [[nodiscard]] std::string place_of(const std::string& place, const std::string& path) const {
    if (names_.size() == 1 && !directory_) return place;
    const std::string& directory = directory_ ? *directory_ : place;
    return directory.empty() || directory == "." ? path : directory + "/" + path;
  }

  static void keep(std::vector<EntryTrouble>& list, const std::string& path, const Error& error) {
    if (list.size() < kMostFailuresKept) list.push_back({path, error});
  }

  const Connection& connection_;
  Progress& progress_;
  FilesOutcome& outcome_;
  bool dry_run_;
  std::vector<Name> names_;
  std::optional<std::string> directory_;
  std::uint64_t moved_ = 0;
  std::uint64_t told_there_ = 0;  // failures that the other side has told of
  std::uint64_t told_here_ = 0;
};

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

Error broken_off(const JobEnd& end) {
  const std::string why = end.message.empty() ? "" : ": " + end.message;
  return Error{end.code, "the job was broken off" + why, true};
}

bool is_dots(const std::string& leaf) {
  return leaf.empty() || leaf == "." || leaf == "..";
}

// A directory that is called "." or "/" has no name for the other side: its contents are meant.
bool stands_for_contents(const std::string& path) {
  const std::string leaf = leaf_of(path);
  return !path.empty() && (leaf.empty() || leaf == ".");
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// ---------------------------------------------------------------------------------------------------------------------
// post

Result<TreeWalk::Top> open_source(const std::string& path, bool contents) {
  UniqueFd opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!opened || ::fstat(opened.get(), &status) != 0) {
    return fail(errno_error(errno, farhand::quoted(path) + " cannot be read here"));
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kNotRegular,
                farhand::quoted(path) + " is neither a regular file nor a directory, and only those are sent");
  }
  return TreeWalk::Top{std::move(opened), contents ? "." : leaf_of(path), path};
}

bool means_contents(const PostCommand& command) {
  return command.contents || (command.files.size() == 1 && stands_for_contents(command.files.front()));
}

Result<TreeWalk> begin_walk(const PostCommand& command, FilesOutcome& outcome, Watch& watch) {
  std::vector<TreeWalk::Top> tops;
  for (const std::string& path : command.files) {
    auto top =
        is_dots(leaf_of(path)) && !means_contents(command)
            ? fail(ErrorCode::kUsage, farhand::quoted(path) + " has no name of its own; name what is in it, or . alone")
            : open_source(path, means_contents(command));
    if (top) {
      watch.name(path, top->name);
      tops.push_back(*std::move(top));
    } else {
      outcome.files.push_back({path, {}, 0, std::nullopt, top.error()});
    }
  }
  TreeWalk::Options options;
  TRY_ASSIGN(options.excludes, excludes_of(command.options.filter));
  options.attributes = command.options.job.attributes;
  options.owner = command.options.job.owner;
  TRY_ASSIGN(const auto resolver, RootedDirectory::open("."));
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
  return !contents && command.paths.size() == 1 && to.back() != '/' && !is_dots(leaf_of(to)) &&
         ::lstat(to.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<LocalPlace> local_place(const GetCommand& command, bool contents, bool several) {
  const std::string& to = command.to;
  if (to.empty() || (is_directory(to) && !may_be_unfinished(command, contents))) {
    TRY_ASSIGN(auto root, RootedDirectory::open(to.empty() ? "." : to));
    const std::string prefix = to.empty() ? "" : to + (to.back() == '/' ? "" : "/");
    return LocalPlace{std::move(root), ".", contents ? Placement::kAs : Placement::kInto, prefix};
  }
  const std::string leaf = leaf_of(to);
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
  return {command.paths, means_contents(command), job.attributes, job.owner, command.options.filter};
}

}  // namespace

FilesOutcome post_job(Connection& connection, const PostCommand& command, bool several, Progress& progress) {
  FilesOutcome outcome;
  outcome.named = command.files.size();
  Watch watch(connection, progress, outcome, command.options.job.dry_run);
  if (const auto fine = check_wire_name(command.to); !fine) {
    watch.fail_whole(fine.error());
    return outcome;
  }
  auto walk = begin_walk(command, outcome, watch);
  if (!walk) {
    watch.fail_whole(walk.error());
    return outcome;
  }
  if (!outcome.files.empty() && outcome.files.size() == command.files.size()) return outcome;  // there is nothing
  const PushRequest request{command.to, placement_of(command, several), command.options.job};
  connection.channel().say_structure(FrameKind::kPush, encode(request));
  const auto sent = send_job(connection.channel(), *walk, watch);
  if (sent) {
    watch.finish(sent->there, sent->here, sent->there);
    if (!sent->there.complete) watch.fail_whole(connection.said_there(broken_off(sent->there)));
  } else {
    watch.fail_whole(judged(connection, sent.error()));
  }
  return outcome;
}

FilesOutcome get_job(Connection& connection, const GetCommand& command, bool several, Progress& progress,
                     mode_t mode_mask) {
  FilesOutcome outcome;
  outcome.named = command.paths.size();
  Watch watch(connection, progress, outcome, command.options.job.dry_run);
  for (const std::string& path : command.paths) watch.name(path, means_contents(command) ? "." : leaf_of(path));
  auto place = local_place(command, means_contents(command), several);
  if (!place) {
    watch.fail_whole(place.error());
    return outcome;
  }
  auto excludes = excludes_of(command.options.filter);
  if (!excludes) {
    watch.fail_whole(excludes.error());
    return outcome;
  }
  if (several) watch.goes_into(place->to);
  connection.channel().say_structure(FrameKind::kPull, encode(pull_request(command)));
  JobTarget target{place->root, place->to, place->placement, mode_mask};
  target.replaces_links = true;
  target.excludes = *std::move(excludes);
  if (!means_contents(command)) {
    for (const std::string& path : command.paths) target.names.push_back(leaf_of(path));
  }
  if (auto agreed = await_agreement(connection.channel()); !agreed) {
    watch.fail_whole(judged(connection, agreed.error()));
    return outcome;
  }
  auto received = receive_job(connection.channel(), target, command.options.job, watch);
  if (!received) {
    watch.fail_whole(judged(connection, received.error()));
  } else if (!*received) {
    watch.fail_whole((*received).error());
    connection.give_up();  // what the server sends is not worth its way
  } else {
    const JobEnd& there = (*received)->there;
    watch.finish((*received)->here, (*received)->here, there);
    if (!there.complete) watch.fail_whole(connection.said_there(broken_off(there)));
    for (FileOutcome& file : outcome.files) {
      if (!file.error) file.path = place->prefix + file.path;
    }
  }
  return outcome;
}

}  // namespace farhand
