// Events as lines of JSON.
#include "client/progress_events.h"

#include <fcntl.h>
#include <poll.h>

#include "client/json_fields.h"

namespace farhand {
namespace {

constexpr std::chrono::milliseconds kBetween{100};
constexpr std::chrono::seconds kLongestEnd{1};

// Whatever we open ourselves is close-on-exec, and what was handed down to us is not.
bool was_handed_down(int fd) {
  const int flags = ::fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

Json event(const char* kind) {
  Json object;
  object["event"] = kind;
  return object;
}

}  // namespace

ProgressEvents::ProgressEvents(int fd) {
  if (fd < 0 || !was_handed_down(fd)) return;
  fd_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (fd_) queue_ = std::make_unique<OutputQueue>(fd_.get());
}

void ProgressEvents::progress(const Progress& progress) {
  if (!queue_) return;
  const auto now = Deadline::Clock::now();
  if (now - last_progress_ < kBetween) return;
  last_progress_ = now;
  say_progress(progress);
}

void ProgressEvents::say_progress(const Progress& progress) {
  const ProgressFacts facts = progress.facts();
  Json object = event("progress");
  object["files"] = facts.files;
  object["files_known"] = facts.files_known;
  object["bytes"] = facts.bytes;
  object["bytes_known"] = facts.bytes_known;
  object["all_known"] = facts.all_known;
  put_text(object, "name", facts.name);
  add(object.dump());
}

void ProgressEvents::file(const std::string& path, std::uint64_t bytes, const HashValue& hash) {
  if (!queue_) return;
  Json object = event("file");
  put_text(object, "path", path);
  object["bytes"] = bytes;
  object["xxh3_128"] = hash_text(hash);
  add(object.dump());
}

void ProgressEvents::trouble(const std::string& path, const Error& error, bool is_notice) {
  if (!queue_) return;
  Json object = event(is_notice ? "notice" : "failed");
  put_text(object, "path", path);
  object["error"] = error_object(error);
  add(object.dump());
}

bool ProgressEvents::end(const Progress& progress, const FilesOutcome& outcome, int status) {
  if (!queue_) return false;
  say_progress(progress);
  const JobSummary job = outcome.job.value_or(JobSummary{});
  Json object = event("end");
  object["status"] = status;
  object["stored"] = job.stored;
  object["unchanged"] = job.unchanged;
  object["bytes"] = job.bytes;
  object["wire_bytes"] = wire_bytes_of(job);
  object["failed"] = failures_of(outcome);
  object["seconds"] = progress.facts().elapsed.count();
  object["dropped"] = dropped_;
  if (queue_) queue_->add(object.dump() + "\n");
  flush();
  return queue_ != nullptr && queue_->empty();
}

void ProgressEvents::add(const std::string& line) {
  if (!queue_) return;
  if (queue_->full()) {
    if (!queue_->write_some()) queue_.reset();
    if (!queue_ || queue_->full()) return void(++dropped_);
  }
  queue_->add(line + "\n");
  if (!queue_->write_some()) queue_.reset();
}

void ProgressEvents::flush() {
  const Deadline until = Deadline::after(kLongestEnd);
  while (queue_ && !queue_->empty()) {
    if (!queue_->write_some()) return queue_.reset();
    if (queue_->empty() || until.passed()) return;
    pollfd entry = queue_->entry();
    ::poll(&entry, 1, until.poll_timeout());
  }
}

}  // namespace farhand
