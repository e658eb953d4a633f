// verify: our own listing and the server's, hashed on both sides at the same time, side by side.
#include "client/commands/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <iterator>

#include "client/commands/exec_job.h"
#include "client/commands/listing_output.h"
#include "client/commands/remote_listing.h"
#include "client/commands/tree_comparison.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/interrupt.h"
#include "client/listing_json.h"
#include "client/progress.h"
#include "client/report.h"
#include "common/byte_size.h"
#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/limits.h"
#include "protocol/transfer/tree_listing.h"

namespace farhand {
namespace {

constexpr int kDifferentStatus = 5;
constexpr std::size_t kPartBytes = 64 << 10;  // of our own listing at a time, as a frame of the server's has

// Looked at before it is opened for reading: opening a device or a pipe can do things.
Result<TreeWalk> open_local(const std::string& path) {
  constexpr int kSafely = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  UniqueFd opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!opened || ::fstat(opened.get(), &status) != 0) {
    return fail(errno_error(errno, farhand::quoted(path) + " cannot be opened"));
  }
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    // Where that is not permitted, the walk says what it could not read.
    if (UniqueFd readable(::open(path.c_str(), O_RDONLY | kSafely)); readable) opened = std::move(readable);
  }
  TRY_ASSIGN(const RootedDirectory resolver, RootedDirectory::open("/"));
  TreeWalk::Options options;
  options.all_modes = true;
  options.hard_links = false;
  std::vector<TreeWalk::Top> tops;
  tops.push_back({std::move(opened), S_ISDIR(status.st_mode) ? "." : last_component(path), path});
  return TreeWalk::begin(resolver, std::move(tops), std::move(options));
}

// Whatever the two are called, it is these that are compared.
Entry as_top(Entry entry) {
  entry.path = ".";
  return entry;
}

class Verifier {
 public:
  Verifier(Connection& connection, const VerifyCommand& command, TreeWalk walk, RemoteListing remote,
           ListingOutput& output, Progress& progress)
      : connection_(connection),
        local_name_(command.local),
        local_(std::move(walk), true),
        remote_(std::move(remote)),
        comparison_(command.local, command.remote, command.modes),
        output_(output),
        progress_(progress) {}

  Result<void> run() {
    for (;;) {
      TRY(output_.write_some());
      TRY(remote_.advance());
      take_local();
      const bool told = tell_troubles();
      const bool compared = compare();
      if (!here_ && !there_ && local_ended() && remote_.ended()) return {};
      if (!told && !compared) TRY(wait());
    }
  }

  [[nodiscard]] const TreeComparison& comparison() const noexcept { return comparison_; }

 private:
  bool local_ended() { return part_.empty() && local_.ended(); }

  void take_local() {
    if (!part_.empty()) return;
    TreeListing::Part part = local_.take(kPartBytes);
    std::move(part.entries.begin(), part.entries.end(), std::back_inserter(part_));
    std::move(part.troubles.begin(), part.troubles.end(), std::back_inserter(troubles_));
  }

  // Before what comes behind them: what could not be read is not missing.
  bool tell_troubles() {
    const std::vector<Trouble> remote = remote_.take_troubles();
    const std::vector<Trouble> local = std::exchange(troubles_, {});
    tell(local, TreeComparison::Side::kHere);
    tell(remote, TreeComparison::Side::kThere);
    return !local.empty() || !remote.empty();
  }

  void tell(const std::vector<Trouble>& troubles, TreeComparison::Side side) {
    for (const Trouble& trouble : troubles) {
      progress_.clear();
      const bool remote = side == TreeComparison::Side::kThere;
      Trouble told = trouble;
      if (remote) told.message = "on the host, " + told.message;  // else the same line twice, if neither can be read
      output_.trouble(told, remote);
      if (!trouble.is_notice) comparison_.unread(side, trouble.path);  // a notice is about what was seen
    }
  }

  void refill() {
    if (!here_ && !part_.empty()) {
      here_ = std::exchange(here_begun_, true) ? std::move(part_.front()) : as_top(std::move(part_.front()));
      part_.pop_front();
    }
    if (!there_ && remote_.front() != nullptr) {
      there_ = std::exchange(there_begun_, true) ? remote_.take() : as_top(remote_.take());
    }
  }

  // As far as both sides are known, and their differences are written.
  bool compare() {
    bool moved = false;
    while (!output_.full()) {
      refill();
      const bool known = (here_ || local_ended()) && (there_ || remote_.ended());
      if (!known || (!here_ && !there_)) break;
      step();
      moved = true;
    }
    return moved;
  }

  void step() {
    using Next = TreeComparison::Next;
    const Next next = TreeComparison::next_of(here_ ? &*here_ : nullptr, there_ ? &*there_ : nullptr);
    if (next == Next::kBoth) {
      show_progress(*here_);
      for (const Difference& difference : comparison_.both(*here_, *there_)) tell(difference);
    } else {
      const auto side = next == Next::kHere ? TreeComparison::Side::kHere : TreeComparison::Side::kThere;
      const auto difference = comparison_.only(side, std::move(next == Next::kHere ? *here_ : *there_));
      if (difference) tell(*difference);
    }
    if (next != Next::kThere) here_.reset();
    if (next != Next::kHere) there_.reset();
  }

  void show_progress(const Entry& entry) {
    progress_.begin_file(entry.path == "." ? local_name_ : entry.path);
    progress_.at(entry.size);
    progress_.end_file();
  }

  void tell(Difference difference) {
    if (output_.json()) return output_.object(difference_json(difference));
    progress_.clear();
    if (difference.path == ".") difference.path = local_name_;
    output_.line(difference_text(difference) + "\n");
  }

  Result<void> wait() {
    const bool wants_local = part_.empty() && !local_.ended();
    std::array<pollfd, 2> watched{output_.entry(), pollfd{wants_local ? local_.fd() : -1, POLLIN, 0}};
    return connection_.wait(watched, Deadline::never());
  }

  Connection& connection_;
  std::string local_name_;
  TreeListing local_;
  RemoteListing remote_;
  TreeComparison comparison_;
  ListingOutput& output_;
  Progress& progress_;
  std::deque<Entry> part_;  // of our own listing
  std::vector<Trouble> troubles_;
  std::optional<Entry> here_;
  std::optional<Entry> there_;
  bool here_begun_ = false;
  bool there_begun_ = false;
};

struct Outcome {
  std::optional<Error> error;
  std::uint64_t differences = 0;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t uncompared = 0;  // files of equal size of which a side had no hash
};

Outcome verify(Connection& connection, const VerifyCommand& command, TreeWalk walk, ListingOutput& output,
               Progress& progress) {
  Outcome outcome;
  auto remote = RemoteListing::ask(connection, {command.remote, true, true});
  if (!remote) return Outcome{remote.error()};
  Verifier verifier(connection, command, std::move(walk), *std::move(remote), output, progress);
  if (const auto ran = verifier.run(); !ran) outcome.error = ran.error();
  outcome.differences = verifier.comparison().differences();
  outcome.files = verifier.comparison().same_files();
  outcome.bytes = verifier.comparison().same_bytes();
  outcome.uncompared = verifier.comparison().uncompared();
  return outcome;
}

int status_of(const Outcome& outcome, const ListingOutput& output) {
  if (outcome.error) return farhand::status_of(*outcome.error);
  if (outcome.differences > 0) return kDifferentStatus;
  return output.failures() > 0 || outcome.uncompared > 0 ? kSomeFailedStatus : 0;
}

std::string summary(const Outcome& outcome) {
  return std::to_string(outcome.differences) + (outcome.differences == 1 ? " difference, " : " differences, ") +
         std::to_string(outcome.files) + (outcome.files == 1 ? " file" : " files") + " (" +
         shown_bytes(static_cast<double>(outcome.bytes)) + ") the same";
}

int conclude(ListingOutput& output, const Outcome& outcome, int interrupt) {
  const std::string fields = "\"difference_count\":" + std::to_string(outcome.differences) +
                             ",\"same_files\":" + std::to_string(outcome.files) +
                             ",\"same_bytes\":" + std::to_string(outcome.bytes) + ",";
  return output.conclude(fields, status_of(outcome, output), outcome.error, interrupt);
}

int fail_with(ListingOutput& output, const Error& error) {
  complain(error.message);
  return conclude(output, Outcome{error}, -1);
}

}  // namespace

int run_verify(const VerifyCommand& command, const ClientOptions& options) {
  ListingOutput output(options.json, "verify", "differences");
  auto walk = open_local(command.local);
  if (!walk) return fail_with(output, walk.error());
  const auto connector = Connector::make(options);
  if (!connector) return fail_with(output, connector.error());
  auto connection = Connection::open(*connector);
  if (!connection) return fail_with(output, connection.error());
  const Interrupt interrupt;
  (*connection)->channel().set_interrupt(interrupt.fd(), Error{ErrorCode::kInterrupted, "interrupted", false});
  const bool shows = Progress::wanted(options.quiet, options.json);
  Progress progress("verify", 0, shows);
  const Outcome outcome = verify(**connection, command, *std::move(walk), output, progress);
  progress.clear();
  (*connection)->leave();
  if (reader_has_gone(outcome.error)) die_of_broken_pipe();
  if (outcome.error) complain("verify: " + outcome.error->message);
  const int status = conclude(output, outcome, interrupt.fd());
  if (shows && !outcome.error) complain("verify: " + summary(outcome));
  return status;
}

}  // namespace farhand
