// list: opens what is named under the root, and tells what a TreeListing finds there.
#include "server/verbs/list.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/limits.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/tree_listing.h"

namespace farhand {
namespace {

// Batches that fill the outbox once: the next one is made while this one is on its way.
constexpr std::size_t kBatchBytes = kOutboxBytes;
// Each is at most a path and a sentence, 5 KiB: 32 of them are well below a structure's limit.
constexpr std::size_t kTroublesAFrame = 32;

Result<struct stat> status_of(int fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(errno_error(errno, quoted(name) + " cannot be looked at"));
  return status;
}

// "." for a directory whose contents are meant, and for one whose name is none ("..").
std::string name_of_top(const std::string& name, bool directory, bool contents) {
  const std::string leaf = last_component(name);
  const bool no_name = leaf.empty() || leaf == "." || leaf == "..";
  return directory && (contents || no_name) ? "." : leaf;
}

// Looked at before it is opened for reading: opening a device or a pipe can do things.
Result<TreeWalk::Top> open_top(const RootedDirectory& root, const std::string& path, bool contents) {
  TRY_ASSIGN(const std::string name, root.relative(path));
  TRY_ASSIGN(UniqueFd opened, root.open_existing(name, O_PATH));
  TRY_ASSIGN(const struct stat status, status_of(opened.get(), name));
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    // Where that is not permitted the entry can still be told, and the walk says what it could not read.
    if (auto readable = root.open_existing(name, O_RDONLY)) opened = *std::move(readable);
  }
  return TreeWalk::Top{std::move(opened), name_of_top(name, S_ISDIR(status.st_mode), contents), name};
}

Result<TreeWalk> begin_walk(const RootedDirectory& root, const ListRequest& asked) {
  std::vector<TreeWalk::Top> tops;
  for (const std::string& path : asked.paths) {
    TRY_ASSIGN(TreeWalk::Top top, open_top(root, path, asked.contents));
    tops.push_back(std::move(top));
  }
  TreeWalk::Options options;
  options.recursive = asked.recursive;
  options.all_modes = true;
  TRY_ASSIGN(options.excludes, excludes_of(asked.filter));
  options.hard_links = false;  // nothing is sent that could be left out
  return TreeWalk::begin(root, std::move(tops), std::move(options));
}

void count(const TreeListing::Part& part, JobEnd& end) {
  for (const Entry& entry : part.entries) end.files += entry.kind == EntryKind::kFile ? 1 : 0;
  for (const Trouble& trouble : part.troubles) end.failed += trouble.is_notice ? 0 : 1;
}

// A walk can be deeper than a name on the wire is long.
void clip_paths(std::vector<Trouble>& troubles) {
  for (Trouble& trouble : troubles) {
    if (trouble.path.size() > kMaxFrameNameBytes) trouble.path.resize(kMaxFrameNameBytes);
  }
}

void say(Channel& channel, TreeListing::Part& part) {
  clip_paths(part.troubles);
  for (std::size_t at = 0; at < part.troubles.size(); at += kTroublesAFrame) {
    const auto from = part.troubles.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kTroublesAFrame, part.troubles.size() - at));
    channel.say_structure(FrameKind::kTrouble, encode(std::vector<Trouble>(from, from + count)));
  }
  if (!part.entries.empty()) channel.say_structure(FrameKind::kEntries, encode(part.entries));
}

// Everything that is found, as fast as it is found and heard.
Result<void> say_all(Channel& channel, TreeListing& listing, JobEnd& end) {
  while (!listing.ended()) {
    bool found = true;
    while (found && channel.has_room()) {
      TreeListing::Part part = listing.take(kBatchBytes);
      found = !part.empty();
      count(part, end);
      say(channel, part);
    }
    if (listing.ended()) break;
    pollfd more{found ? -1 : listing.fd(), POLLIN, 0};
    TRY(channel.wait({&more, 1}, Deadline::never()));
    TRY(channel.peek());  // answers pings, and fails once the peer is gone
  }
  channel.say_structure(FrameKind::kFinish, encode(end));
  return {};
}

std::string summary(const ListRequest& asked) {
  std::string text = quoted(asked.paths.front());
  if (asked.paths.size() > 1) text += " and " + std::to_string(asked.paths.size() - 1) + " more";
  return text;
}

}  // namespace

Result<void> run_list(Session& session, const Incoming& request) {
  TRY_ASSIGN(const ListRequest asked, decode_list(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = summary(asked);
  session.record.texts("paths", asked.paths);
  auto walk = begin_walk(session.root, asked);
  if (!walk) {
    session.refuse(walk.error());
    return {};
  }
  TreeListing listing(*std::move(walk), asked.hash);
  JobEnd end;
  TRY(say_all(session.channel, listing, end));
  session.outcome += " " + std::to_string(end.files) + " files" + (asked.hash ? " hashed" : "") +
                     (end.failed > 0 ? ", " + std::to_string(end.failed) + " not read" : "");
  session.record.number("files", static_cast<std::int64_t>(end.files));
  if (end.failed > 0) session.record.number("failed", static_cast<std::int64_t>(end.failed));
  return {};
}

}  // namespace farhand
