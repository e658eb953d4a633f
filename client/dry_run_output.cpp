// Lines, or a list that grows.
#include "client/dry_run_output.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "client/commands/exec_job.h"
#include "client/exit_status.h"
#include "client/json_fields.h"
#include "client/report.h"
#include "common/escape.h"

namespace farhand {

DryRunOutput::DryRunOutput(bool json) : json_(json), queue_(STDOUT_FILENO) {
  if (json_) queue_.add("{\"would\":[");
}

void DryRunOutput::add(const std::string& path, std::string_view what) {
  if (error_) return;
  if (json_) {
    Json object;
    put_text(object, "path", path);
    object["would"] = std::string(what);
    queue_.add((std::exchange(any_, true) ? ",\n" : "\n") + object.dump());
  } else {
    queue_.add(std::string(what) + " " + farhand::quoted(path) + "\n");
  }
  write_some();
}

void DryRunOutput::write_some() {
  if (auto written = queue_.write_some(); !written) error_ = std::move(written).error();
}

int DryRunOutput::conclude(const std::string& object, int status, int interrupt) {
  if (json_) queue_.add("],\n" + object.substr(1) + "\n");
  if (!error_) {
    if (auto written = flush(interrupt); !written) error_ = std::move(written).error();
  }
  if (!error_) return status;
  if (reader_has_gone(error_)) die_of_broken_pipe();
  complain(error_->message);
  return status_of(*error_);
}

Result<void> DryRunOutput::flush(int interrupt) {
  for (;;) {
    TRY(queue_.write_some());
    if (queue_.empty()) return {};
    std::array<pollfd, 2> entries{queue_.entry(), pollfd{interrupt, POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
    if (entries[1].revents != 0) return fail(ErrorCode::kInterrupted, "interrupted before everything was written");
  }
}

}  // namespace farhand
