// ls: one list request a path, and a line or an object for each entry of the answer.
#include "client/commands/ls.h"

#include <unistd.h>

#include <utility>

#include "client/commands/exec_job.h"
#include "client/commands/listing_output.h"
#include "client/commands/remote_listing.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/interrupt.h"
#include "client/listing_json.h"
#include "client/listing_text.h"
#include "client/outcome.h"
#include "client/report.h"

namespace farhand {
namespace {

ListingStyle style_of(const LsCommand& command) {
  ListingStyle style;
  style.long_form = command.long_form;
  style.hash = command.hash;
  style.end = command.zero ? '\0' : '\n';
  style.escaped = !command.zero && ::isatty(STDOUT_FILENO) == 1;
  return style;
}

class Lister {
 public:
  Lister(const LsCommand& command, ListingOutput& output)
      : command_(command), style_(style_of(command)), output_(output) {}

  Result<void> list(Connection& connection, const std::string& path) {
    TRY_ASSIGN(RemoteListing remote, RemoteListing::ask(connection, {path, command_.recursive, command_.hash}));
    begun_ = false;
    for (;;) {
      TRY(output_.write_some());
      if (!output_.full()) TRY(remote.advance());
      const bool moved = show(remote, path);
      if (remote.ended()) return {};
      if (moved) continue;
      pollfd out = output_.entry();
      TRY(connection.wait({&out, 1}, Deadline::never()));
    }
  }

 private:
  bool show(RemoteListing& remote, const std::string& path) {
    bool moved = false;
    for (const Trouble& trouble : remote.take_troubles()) {
      output_.trouble(trouble, true);
      moved = true;
    }
    for (; remote.front() != nullptr; moved = true) show(remote.take(), path);
    return moved;
  }

  // A directory stands for what is in it; what was named itself is called as it was named.
  void show(const Entry& entry, const std::string& path) {
    const bool named = !std::exchange(begun_, true);
    const bool directory = entry.path == ".";
    if (named && !output_.json() && command_.paths.size() > 1) show_heading(path, directory);
    if (directory) return;
    const std::string& name = named ? path : entry.path;
    if (output_.json()) {
      output_.object(entry_json(entry, name, path));
    } else {
      output_.line(listing_line(entry, name, style_));
    }
  }

  // As ls(1) does where there are several; a file needs none.
  void show_heading(const std::string& path, bool directory) {
    if (std::exchange(any_shown_, true)) output_.line(std::string(1, style_.end));
    if (directory) output_.line((style_.escaped ? name_for_display(path) : path) + ":" + style_.end);
  }

  const LsCommand& command_;
  ListingStyle style_;
  ListingOutput& output_;
  bool begun_ = false;      // the path's first entry has come
  bool any_shown_ = false;  // of any path
};

FilesOutcome list_all(Connection& connection, const LsCommand& command, ListingOutput& output) {
  FilesOutcome outcome;
  Lister lister(command, output);
  for (const std::string& path : command.paths) {
    FileOutcome& one = outcome.files.emplace_back();
    one.name = path;
    if (const auto listed = lister.list(connection, path); !listed) {
      one.error = listed.error();
      if (reader_has_gone(one.error)) die_of_broken_pipe();
      output.failure(path, *one.error);
    }
    if (connection.lost() || output.failed()) break;
  }
  return outcome;
}

// The error that is the whole job's, as other verbs have it in `error`.
std::optional<Error> job_error(const FilesOutcome& outcome) {
  if (outcome.files.empty() || status_of(outcome) == kSomeFailedStatus) return std::nullopt;
  return outcome.files.back().error;
}

}  // namespace

int run_ls(const LsCommand& command, const ClientOptions& options) {
  ListingOutput output(options.json, "ls", "entries");
  const auto connector = Connector::make(options);
  auto connection =
      connector ? Connection::open(*connector) : Result<std::unique_ptr<Connection>>(fail(connector.error()));
  if (!connection) {
    complain(connection.error().message);
    return output.conclude("", status_of(connection.error()), connection.error(), -1);
  }
  const Interrupt interrupt;
  (*connection)->channel().set_interrupt(interrupt.fd(), Error{ErrorCode::kInterrupted, "interrupted", false});
  const FilesOutcome outcome = list_all(**connection, command, output);
  (*connection)->leave();
  const int status = status_of(outcome);
  const bool some_failed = status == 0 && output.failures() > 0;
  return output.conclude("", some_failed ? kSomeFailedStatus : status, job_error(outcome), interrupt.fd());
}

}  // namespace farhand
