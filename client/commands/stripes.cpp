// Listings of both sides, and one request a stretch.
#include "client/commands/stripes.h"

#include <sys/stat.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "client/commands/lanes.h"
#include "client/commands/post.h"
#include "common/path_text.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/job_refusal.h"
#include "protocol/transfer/stripe_receiver.h"
#include "protocol/transfer/stripe_sender.h"

namespace farhand {
namespace {

// A window that is halved by a lost packet grows by a packet a round trip: from 20 ms on that takes seconds.
constexpr std::chrono::milliseconds kLongLink{20};
constexpr std::size_t kOverLongLinks = 4;

constexpr std::size_t kMostFiles = 64 << 10;  // are remembered; the job itself sends the others

// Those of a listing that are worth it. Of one that is mostly holes there is little to carry.
class LargeFiles {
 public:
  explicit LargeFiles(const TransferOptions& options)
      : least_(options.connections > 0 ? kLeastShared : kLeastStriped) {}

  [[nodiscard]] bool wants(const Entry& entry) const {
    return entry.kind == EntryKind::kFile && entry.size >= least_ && entry.occupied >= entry.size / 2 &&
           files_.size() < kMostFiles;
  }
  void add(Entry entry) {
    Stretch whole;
    whole.size = entry.size;
    whole.occupied = entry.occupied;
    whole.modified_seconds = entry.modified_seconds;
    whole.modified_nanoseconds = entry.modified_nanoseconds;
    files_.push_back({std::move(entry.path), whole});
  }
  std::vector<LargeFile> take() { return std::move(files_); }

 private:
  std::uint64_t least_;
  std::vector<LargeFile> files_;
};

bool has_rules(const JobOptions& job) {
  return job.dry_run || job.delta || job.delete_extra || !job.backup.empty() || job.existing != Existing::kReplace ||
         job.sameness == Sameness::kChecksum;
}

std::string without_slashes(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  return last == std::string::npos ? std::string("/") : path.substr(0, last + 1);
}

LanePlan plan_for(const Connection& connection, const TransferOptions& options, bool down) {
  return {connections_for(connection, options), options.rate, down};
}

// ---------------------------------------------------------------------------------------------------------------------
// post

// Without -P only files that are named themselves are looked at: a walk of the whole tree takes its time.
std::vector<std::string> names_to_look_at(const PostCommand& command) {
  if (command.options.connections > 0) return command.files;
  std::vector<std::string> large;
  for (const std::string& path : command.files) {
    struct stat status {};
    const bool is_file = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (is_file && static_cast<std::uint64_t>(status.st_size) >= kLeastStriped) large.push_back(path);
  }
  return large;
}

std::vector<LargeFile> large_files_of(TreeWalk& walk, const TransferOptions& options) {
  LargeFiles files(options);
  while (auto entry = walk.next_to_the_end()) {
    walk.take_troubles();  // the job will tell
    if (files.wants(*entry)) files.add(*std::move(entry));
  }
  return files.take();
}

// ---------------------------------------------------------------------------------------------------------------------
// get

// What the server lists of what was named; nothing if it will not: the job will tell why.
class LargeThere {
 public:
  LargeThere(Connection& connection, const GetCommand& command, bool contents)
      : channel_(connection.channel()), command_(command), contents_(contents), files_(command.options) {}

  Result<std::vector<LargeFile>> list();
  // Where an entry's file is on the server; empty: it is of nothing that was named.
  [[nodiscard]] std::string path_of(const std::string& entry) const;

 private:
  Result<bool> take(const Incoming& incoming);

  Channel& channel_;
  const GetCommand& command_;
  bool contents_;
  LargeFiles files_;
};

std::string LargeThere::path_of(const std::string& entry) const {
  if (contents_) {
    const std::string directory = without_slashes(command_.paths.front());
    return directory == "/" ? directory + entry : directory + "/" + entry;
  }
  const std::string first = entry.substr(0, entry.find('/'));
  for (const std::string& path : command_.paths) {
    if (last_component(path) == first) return without_slashes(path) + entry.substr(first.size());
  }
  return {};
}

Result<std::vector<LargeFile>> LargeThere::list() {
  ListRequest request;
  request.paths = command_.paths;
  request.contents = contents_;
  request.recursive = command_.options.connections > 0;  // else only what is named itself, as names_to_look_at()
  request.filter = command_.options.filter;
  channel_.say_structure(FrameKind::kList, encode(request));
  for (bool more = true; more;) {
    TRY_ASSIGN(const Incoming incoming, channel_.hear(Deadline::never()));
    TRY_ASSIGN(more, take(incoming));
    channel_.consume(incoming.bytes.size());
  }
  return files_.take();
}

// False: it was the last.
Result<bool> LargeThere::take(const Incoming& incoming) {
  if (incoming.kind() == FrameKind::kTrouble) return true;
  if (incoming.kind() == FrameKind::kFinish || incoming.kind() == FrameKind::kError) return false;
  if (incoming.kind() != FrameKind::kEntries) return fail(unexpected_frame(incoming));
  TRY_ASSIGN(std::vector<Entry> entries, decode_entries(incoming.bytes));
  for (Entry& entry : entries) {
    if (files_.wants(entry) && !path_of(entry.path).empty()) files_.add(std::move(entry));
  }
  return true;
}

// A stretch that came wrong, or cannot be stored, has to be heard to its end.
Result<Result<StretchEnd>> give_up(Channel& channel, const Error& why) {
  if (why.remote) {
    if (channel.may_say(FrameKind::kFinish)) say_stretch_failed(channel, why);
    return Result<StretchEnd>(fail(why));
  }
  say_stretch_failed(channel, why);
  TRY(discard_job(channel));
  return Result<StretchEnd>(fail(why));
}

Result<Result<StretchEnd>> take_stretch(const Lane& lane, const std::string& from, const JobTarget& target,
                                        const LargeFile& file, const Stretch& stretch) {
  auto opened = StripePart::open(target, file.path, stretch);
  if (!opened) return Result<StretchEnd>(fail(std::move(opened).error()));
  if (!*opened) return Result<StretchEnd>(StretchEnd{false, 0, 0});
  std::optional<StripePart> part = *std::move(opened);
  TRY_ASSIGN(const auto looked, look_at(lane.channel, *part));
  if (!looked) return Result<StretchEnd>(fail(looked.error()));
  lane.channel.say_structure(FrameKind::kSlice, encode(SliceRequest{from, stretch}));
  TRY_ASSIGN(auto end, receive_stretch(lane.channel, *part, lane.moved));
  part.reset();
  if (!end) return give_up(lane.channel, end.error());
  say_stretch_end(lane.channel, *end);
  return end;
}

}  // namespace

std::size_t connections_for(const Connection& connection, const TransferOptions& options) noexcept {
  if (!connection.may_have_others() || options.compress || has_rules(options.job)) return 1;
  if (options.connections > 0) return options.connections;
  return connections_over(connection.link());
}

std::size_t connections_over(const std::optional<LinkFacts>& link) noexcept {
  return link && link->round_trip >= kLongLink && !link->keeps_up_after_losses ? kOverLongLinks : 1;
}

Result<std::uint64_t> post_stripes(Connection& connection, const PostCommand& command, Placement placement,
                                   const WalkOver& walk_over, Progress& progress) {
  const LanePlan plan = plan_for(connection, command.options, false);
  const auto names = plan.connections > 1 ? names_to_look_at(command) : std::vector<std::string>();
  if (names.empty()) return 0;
  auto walk = walk_over(names);
  if (!walk) return 0;
  std::mutex opening;
  const auto carry = [&](const Lane& lane, const LargeFile& file,
                         const Stretch& stretch) -> Result<Result<StretchEnd>> {
    std::unique_lock alone(opening);
    auto opened = walk->open_file(file.path);
    std::string shown = walk->shown(file.path);
    alone.unlock();
    if (!opened) return Result<StretchEnd>(fail(std::move(opened).error()));
    lane.channel.say_structure(FrameKind::kStripe, encode(StripeRequest{command.to, placement, file.path, stretch}));
    return send_stretch(lane.channel, {*std::move(opened), std::move(shown), stretch}, lane.moved, lane.limit);
  };
  auto files = large_files_of(*walk, command.options);
  if (files.empty()) return 0;
  return Lanes(connection, plan, std::move(files), carry, progress).run();
}

Result<std::uint64_t> get_stripes(Connection& connection, const GetCommand& command, const JobTarget& target,
                                  bool contents, Progress& progress) {
  const LanePlan plan = plan_for(connection, command.options, true);
  if (plan.connections == 1) return 0;
  LargeThere there(connection, command, contents);
  TRY_ASSIGN(auto files, there.list());
  if (files.empty()) return 0;
  const auto carry = [&](const Lane& lane, const LargeFile& file, const Stretch& stretch) {
    return take_stretch(lane, there.path_of(file.path), target, file, stretch);
  };
  return Lanes(connection, plan, std::move(files), carry, progress).run();
}

}  // namespace farhand
