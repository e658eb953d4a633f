// get: where a file goes, the request, and the Receiver fed.
#include "client/commands/get.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "client/commands/job.h"
#include "client/commands/post.h"
#include "common/escape.h"
#include "protocol/messages/file.h"
#include "protocol/transfer/receiver.h"

namespace farhand {
namespace {

struct Place {
  std::string directory;
  std::string leaf;
};

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<Place> place_for(const GetCommand& command, const std::string& path) {
  const std::string leaf = leaf_of(path);
  const bool into =
      command.to.empty() || command.paths.size() > 1 || command.to.back() == '/' || is_directory(command.to);
  const Place place = into ? Place{command.to.empty() ? "." : command.to, leaf}
                           : Place{command.to.substr(0, command.to.rfind('/') + 1), leaf_of(command.to)};
  if (place.leaf.empty() || place.leaf == "." || place.leaf == "..") {
    return fail(ErrorCode::kUsage, farhand::quoted(path) + " names no file; a single file is asked for by its name");
  }
  return Place{place.directory.empty() ? "." : place.directory, place.leaf};
}

std::string joined(const Place& place) {
  if (place.directory == ".") return place.leaf;
  return place.directory + (place.directory.back() == '/' ? "" : "/") + place.leaf;
}

Result<Receiver> open_target(const Place& place, mode_t mode_mask) {
  UniqueFd directory(::open(place.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return fail(errno_error(errno, "the directory " + farhand::quoted(place.directory) + " cannot be used here"));
  }
  return Receiver::begin(Receiver::Target{std::move(directory), place.leaf, joined(place), mode_mask});
}

// The server's offer, if it makes one, and then the file.
Result<Done> receive(Connection& connection, Receiver receiver, Progress& progress) {
  TRY_ASSIGN(Incoming incoming, connection.hear(Deadline::never()));
  if (incoming.kind() == FrameKind::kOffer) {
    TRY_ASSIGN(const Offer offer, decode_offer(incoming.bytes));
    connection.channel().consume(incoming.bytes.size());
    if (offer.size_known) {
      progress.expect(offer.size);
      if (auto fits = receiver.check_space(offer.size); !fits) {
        connection.give_up();
        return fail(fits.error());
      }
    }
  }
  auto outcome =
      receive_file(connection.channel(), std::move(receiver), [&](std::uint64_t bytes) { progress.at(bytes); });
  if (!outcome) return fail(connection.lose(outcome.error()));
  if (!outcome->sealed) connection.give_up();  // the rest of a file that cannot be stored is not worth its way
  return std::move(outcome->file);
}

FileOutcome get_one(Connection& connection, const GetCommand& command, const std::string& path, Progress& progress,
                    mode_t mode_mask) {
  FileOutcome outcome;
  outcome.name = path;
  const auto ask = [&]() -> Result<Done> {
    TRY(check_wire_name(path));
    TRY_ASSIGN(const Place place, place_for(command, path));
    TRY_ASSIGN(Receiver receiver, open_target(place, mode_mask));
    progress.begin_file(path);
    connection.channel().say(FrameKind::kGet, path);
    return receive(connection, std::move(receiver), progress);
  };
  const auto done = ask();
  progress.end_file();
  if (done) {
    outcome.bytes = done->size;
    outcome.path = done->path;
    outcome.hash = done->hash;
  } else {
    outcome.error = done.error();
  }
  return outcome;
}

// Those that have not come yet, as one job, beside those that have.
FilesOutcome with_job(Connection& connection, const GetCommand& command, Progress& progress, mode_t mode_mask,
                      const FilesOutcome& done) {
  GetCommand rest = command;
  rest.paths.erase(rest.paths.begin(), rest.paths.begin() + static_cast<std::ptrdiff_t>(done.files.size()));
  if (command.paths.size() > 1 && !rest.to.empty() && rest.to.back() != '/') rest.to += '/';  // several go into it
  FilesOutcome outcome = get_job(connection, rest, progress, mode_mask);
  outcome.files.insert(outcome.files.begin(), done.files.begin(), done.files.end());
  outcome.named += done.files.size();
  return outcome;
}

}  // namespace

FilesOutcome run_get(Connection& connection, const GetCommand& command, Progress& progress, mode_t mode_mask) {
  FilesOutcome outcome;
  for (const std::string& path : command.paths) {
    FileOutcome file = get_one(connection, command, path, progress, mode_mask);
    // A job has all that is left, in one go: what has come already came first.
    if (file.error && asks_for_job(*file.error)) return with_job(connection, command, progress, mode_mask, outcome);
    outcome.files.push_back(std::move(file));
    if (connection.lost()) break;
  }
  return outcome;
}

}  // namespace farhand
