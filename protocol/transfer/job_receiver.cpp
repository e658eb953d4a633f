// The loop of the receiving side, its end, and what is left when it ends badly.
#include "protocol/transfer/job_receiver.h"

#include <poll.h>

#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "protocol/transfer/job_receiving.h"

namespace farhand {

bool JobReceiver::ended() const {
  return there_ && (!store_ || store_->idle());
}

Result<void> JobReceiver::wait() {
  std::array<pollfd, 3> watched{};
  std::size_t count = 0;
  for (const int fd : {intake_.fd(), store_ ? store_->fd() : -1, file_ && may_take() ? file_->fd() : -1}) {
    if (fd >= 0) watched[count++] = {fd, POLLIN, 0};
  }
  const Deadline until = again_   ? Deadline::after(Deadline::Clock::duration::zero())
                         : store_ ? store_->next_turn()
                                  : Deadline::never();
  return channel_.wait({watched.data(), count}, until);
}

Result<JobOutcome> JobReceiver::run() {
  for (;;) {
    TRY(turn());
    if (ended()) break;
    TRY_ASSIGN(const bool more, take_next());
    if (!more) TRY(wait());
  }
  if (listed_) TRY(delete_extra());
  deletions_over_ = true;
  if (there_->complete && report_.totals.failed == 0) target_.complete();
  count_on(true);
  TRY(sync_directories());
  return say_finish();
}

// What could not be read or stored may look as if it were not there.
bool JobReceiver::may_delete() const {
  return there_->complete && there_->failed == 0 && !troubled_there_ && report_.totals.failed == 0;
}

Result<void> JobReceiver::delete_extra() {
  if (!may_delete()) {
    if (there_->complete) report_.notice(target_.shown("."), ErrorCode::kCancelled, std::string(kNothingDeleted));
    return {};
  }
  TRY(remove_extra_names(channel_, target_, *listed_, rules_, report_));
  directories_changed_ = directories_changed_ || report_.totals.deleted > 0;
  return {};
}

// The times and modes that directories have been given.
Result<void> JobReceiver::sync_directories() {
  // What was there already may be from a run whose sync nobody has heard of.
  if (!store_ || (!directories_changed_ && report_.totals.unchanged == 0)) return {};
  int error = 0;
  BackgroundTask task([&] { error = store_->sync_all(); });
  while (!task.done()) {
    pollfd watched{task.fd(), POLLIN, 0};
    TRY(channel_.wait({&watched, 1}, Deadline::never()));
  }
  task.finish();
  if (error != 0) {
    report_.failed(target_.shown("."), errno_error(error, "the disk did not confirm what is there"));
  }
  return {};
}

JobOutcome JobReceiver::say_finish() {
  JobEnd& here = report_.totals;
  here.complete = there_->complete;
  here.place = target_.stored_at();
  if (!here.complete) {
    here.code = there_->code;
    here.message = there_->message;
  }
  report_.notices(metadata_.take_notices());
  report_.say_all(channel_);
  if (ledger_.settled() != stored_said_) {
    report_.observer().settled(ledger_.settled() - stored_said_);
    channel_.say(FrameKind::kStored, std::to_string(ledger_.settled()));
  }
  channel_.say_structure(FrameKind::kFinish, encode(here));
  return {here, *there_};
}

void JobReceiver::wind_down() {
  file_.reset();
  intake_.forget();
  if (!store_) return;
  settle(store_->drain());
  count_on(false);
  if (has_everything()) return;
  for (const JobLedger::LeftDirectory& left : ledger_.advance(true)) {
    if (left.restored) std::ignore = target_.restore_directory(left.path, *left.restored);
  }
}

void JobReceiver::tidy_up() {
  if (ledger_.settled() + ledger_.open() == 0) target_.remove_base();
}

JobOutcome JobReceiver::end_alone() {
  if (listed_ && !deletions_over_) {
    report_.failed(target_.shown("."), {ErrorCode::kConnectionLost,
                                        "the connection was lost before everything that the source does not have was "
                                        "deleted; the same command goes on from here",
                                        false});
  }
  if (report_.totals.failed == 0) target_.complete();
  count_on(true);
  const int error = store_ ? store_->sync_all() : 0;
  if (error != 0) report_.failed(target_.shown("."), errno_error(error, "the disk did not confirm what is there"));
  report_.totals.place = target_.stored_at();
  return {report_.totals, *there_};
}

Result<Result<JobOutcome>> receive_job(Channel& channel, const JobTarget& target, const JobOptions& options,
                                       JobObserver& observer) {
  if (options.delete_extra && target.placement != Placement::kAs) {
    return Result<JobOutcome>(fail(ErrorCode::kUsage, std::string(kNoLikeness)));
  }
  auto place = TreeTarget::begin(target, options.dry_run);
  if (!place) return Result<JobOutcome>(fail(std::move(place).error()));
  JobReceiver receiver(channel, *std::move(place), target, options, observer);
  auto outcome = receiver.run();
  if (!outcome) receiver.wind_down();
  receiver.tidy_up();
  if (outcome) return Result<JobOutcome>(*std::move(outcome));
  if (receiver.refusal()) return Result<JobOutcome>(fail(*receiver.refusal()));
  const ErrorCode why = outcome.error().code;
  const bool lost = why == ErrorCode::kConnectionLost || why == ErrorCode::kTimedOut;
  if (lost && !outcome.error().remote && receiver.has_everything()) return Result<JobOutcome>(receiver.end_alone());
  // A job that the sender has given up still has our last word, so that the next request can follow.
  if (outcome.error().remote && channel.may_say(FrameKind::kFinish)) {
    JobEnd end;
    end.complete = false;
    end.code = outcome.error().code;
    end.message = outcome.error().message;
    channel.say_structure(FrameKind::kFinish, encode(end));
  }
  return fail(std::move(outcome).error());
}

}  // namespace farhand
