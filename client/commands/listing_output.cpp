// The object that grows, and the queue behind it.
#include "client/commands/listing_output.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "client/commands/exec_job.h"
#include "client/exit_status.h"
#include "client/listing_json.h"
#include "client/report.h"
#include "common/escape.h"

namespace farhand {

ListingOutput::ListingOutput(bool json, std::string verb, std::string_view list)
    : json_(json), verb_(std::move(verb)), queue_(STDOUT_FILENO) {
  if (json_) queue_.add("{\"" + std::string(list) + "\":[");
}

void ListingOutput::object(const std::string& text) {
  queue_.add((any_objects_ ? ",\n" : "\n") + text);
  any_objects_ = true;
}

void ListingOutput::keep(const std::string& object) {
  if (++failures_ > kMostKept || !json_) return;
  kept_ += (kept_.empty() ? "\n" : ",\n") + object;
}

void ListingOutput::trouble(const Trouble& trouble, bool remote) {
  complain(verb_ + ": " + trouble.message);
  if (!trouble.is_notice) keep(trouble_json(trouble, remote));
}

void ListingOutput::failure(const std::string& path, const Error& error) {
  complain(verb_ + " " + quoted(path) + ": " + error.message);
  keep(failure_json(path, error));
}

int ListingOutput::conclude(const std::string& more, int status, const std::optional<Error>& error, int interrupt) {
  if (failed_) return status;
  if (json_) {
    queue_.add("],\n\"failed\":[" + kept_ + "],\n\"failed_count\":" + std::to_string(failures_) + "," + more +
               "\"status\":" + std::to_string(status) + ",\"error\":" + error_or_null(error) + "}\n");
  }
  const auto written = flush(interrupt);
  if (written) return status;
  if (reader_has_gone(written.error())) die_of_broken_pipe();
  complain(written.error().message);
  return status_of(written.error());
}

Result<void> ListingOutput::write_some() {
  auto written = queue_.write_some();
  failed_ = failed_ || !written;
  return written;
}

Result<void> ListingOutput::flush(int interrupt) {
  for (;;) {
    TRY(write_some());
    if (queue_.empty()) return {};
    std::array<pollfd, 2> entries{queue_.entry(), pollfd{interrupt, POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (entries[1].revents != 0) return fail(ErrorCode::kInterrupted, "interrupted before everything was written");
  }
}

}  // namespace farhand
