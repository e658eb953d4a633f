// The engine of the receiving side: one loop that takes frames and never waits for a disk.
#include "protocol/transfer/job_receiver.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/slip.h"
#include "protocol/transfer/extra_names.h"
#include "protocol/transfer/incoming_file.h"
#include "protocol/transfer/job_refusal.h"
#include "protocol/transfer/link_item.h"

namespace farhand {
namespace {

class JobReceiver {
 public:
  JobReceiver(Channel& channel, TreeTarget target, const JobTarget& asked, const JobOptions& options,
              JobObserver& observer);

  Result<JobOutcome> run();
  [[nodiscard]] const std::optional<Error>& refusal() const noexcept { return intake_.refusal(); }
  // Last of all: what was made for the job goes if nothing has come.
  void tidy_up();
  // The connection is gone, or nothing that comes can be trusted any more: what is complete is stored.
  void wind_down();
  // All that was to come had come: what was stored when the connection went is the outcome, and nobody hears of it.
  [[nodiscard]] bool has_everything() const { return there_ && there_->complete; }
  JobOutcome end_alone();

 private:
  Result<void> turn();
  [[nodiscard]] bool may_take() const;
  Result<bool> take_next();
  Result<void> take(const Incoming& incoming);
  Result<void> take_part(const Incoming& incoming);
  Result<void> take_copy(const Incoming& incoming);
  Result<void> take_close(const Incoming& incoming);
  Result<void> take_trouble(const Incoming& incoming);
  Result<void> take_finish(const Incoming& incoming);
  Result<void> begin_file();
  bool is_ready(IncomingFile::Ready ready);
  void submit_links();
  void settle(const std::vector<StoreResult>& results);
  void count_on(bool all);
  void say_stored();
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool may_delete() const;
  Result<void> delete_extra();
  JobParts parts_of(const JobTarget& asked);
  Result<void> wait();
  Result<void> sync_directories();
  JobOutcome say_finish();

  Channel& channel_;
  const JobOptions& options_;
  TreeTarget target_;
  FileMetadata metadata_;
  std::unique_ptr<StoreQueue> store_;  // none in a dry run
  JobLedger ledger_;
  JobReport report_;
  std::optional<Spill> listed_;      // with delete_extra
  std::optional<MovedFiles> moved_;  // with delta
  ExtraNames::Rules rules_;
  BackupNames backups_;
  JobParts parts_;
  JobIntake intake_;
  std::optional<IncomingFile> file_;  // whose content is under way
  std::optional<JobEnd> there_;
  std::uint64_t stored_said_ = 0;
  bool again_ = false;    // there is more to do at once
  bool stalled_ = false;  // what came last waits for a helper
  bool directories_changed_ = false;
  bool troubled_there_ = false;  // the sender told of something that went wrong
};

JobReceiver::JobReceiver(Channel& channel, TreeTarget target, const JobTarget& asked, const JobOptions& options,
                         JobObserver& observer)
    : channel_(channel),
      options_(options),
      target_(std::move(target)),
      metadata_(options, asked.mode_mask),
      store_(options.dry_run
                 ? nullptr
                 : std::make_unique<StoreQueue>(target_.base(), StoreRules{options.existing, options.backup})),
      report_(observer),
      rules_{asked.excludes, options.backup, options.most_deleted, options.dry_run},
      backups_(options.backup),
      parts_(parts_of(asked)),
      intake_(parts_, asked.placement == Placement::kAs, asked.names) {
  if (!store_) return;
  // Before anything is written, so that its sync tells of every failure since.
  if (const auto base = DirectoryCache(target_.base()).open("")) store_->watch(*base);
}

JobParts JobReceiver::parts_of(const JobTarget& asked) {
  const bool is_like = asked.placement == Placement::kAs && target_.is_there();
  if (is_like && options_.delete_extra) listed_.emplace(target_.base().fd());
  if (is_like && options_.delta && store_) moved_.emplace(target_.base());
  JobParts parts{target_, options_, metadata_, store_.get(), backups_, ledger_, report_};
  if (listed_) parts.listed = &*listed_;
  if (listed_ && store_) parts.deletes = &rules_;
  if (moved_) parts.moved = &*moved_;
  return parts;
}

// ---------------------------------------------------------------------------------------------------------------------
// What needs no frame

Result<void> JobReceiver::turn() {
  TRY_ASSIGN(again_, intake_.turn(channel_));
  submit_links();
  if (store_) settle(store_->turn());
  count_on(false);
  report_.notices(metadata_.take_notices());
  report_.say(channel_);
  say_stored();
  again_ = again_ || intake_.can_go_on(channel_);  // what came after its turn may have made room
  return {};
}

// Links have no content: their turn is when everything before them has come.
void JobReceiver::submit_links() {
  while (!file_) {
    const WantedEntry* first = intake_.first();
    if (first == nullptr || first->entry.kind == EntryKind::kFile) return;
    WantedEntry wanted = intake_.take_first();
    if (backups_.holds(wanted.path)) {
      report_.failed(target_.shown(wanted.path), is_a_backup(target_.shown(wanted.path)));
      store_->mark_failed(wanted.path);
      ledger_.settle(wanted.number);
      continue;
    }
    if (wanted.replaces) backups_.replaced();
    const std::uint64_t number = wanted.number;
    auto item = link_item(std::move(wanted), parts_);
    if (item) {
      store_->add(*std::move(item));
    } else {
      ledger_.settle(number);
    }
  }
}

void JobReceiver::settle(const std::vector<StoreResult>& results) {
  for (const StoreResult& result : results) {
    if (result.error) {
      report_.failed(result.shown, *result.error);
    } else if (result.kind == EntryKind::kFile) {
      ++(result.stayed ? report_.totals.unchanged : report_.totals.files);
      report_.observer().file_ended(result.entry_path, result.bytes, result.hash);
    }
    if (result.time_error != 0) std::ignore = metadata_.excuse(result.time_error, "the time", result.shown);
    if (result.kind == EntryKind::kFile) report_.observer().file_passed();
    ledger_.settle(result.number);
  }
}

void JobReceiver::count_on(bool all) {
  for (const JobLedger::LeftDirectory& left : ledger_.advance(all)) {
    directories_changed_ = true;
    const auto finished = left.restored ? target_.restore_directory(left.path, *left.restored)
                                        : target_.finish_directory(left.path, left.entry, metadata_);
    intake_.release(left.entry);
    if (!finished) report_.failed(target_.shown(left.path), finished.error());
  }
}

void JobReceiver::say_stored() {
  const std::uint64_t settled = ledger_.settled();
  if (settled == stored_said_ || !channel_.has_room()) return;
  channel_.say(FrameKind::kStored, std::to_string(settled));
  report_.observer().settled(settled - stored_said_);
  stored_said_ = settled;
}

// ---------------------------------------------------------------------------------------------------------------------
// Frames

bool JobReceiver::may_take() const {
  return !there_ && !report_.full() && !(store_ && store_->behind());
}

// False: nothing can be taken for now.
Result<bool> JobReceiver::take_next() {
  if (!may_take()) return false;
  stalled_ = false;
  TRY_ASSIGN(const auto incoming, channel_.peek());
  if (!incoming && channel_.exhausted()) {
    return fail(ErrorCode::kConnectionLost, "the connection was closed by the other side in the middle of a job");
  }
  if (!incoming) return false;
  TRY(take(*incoming));
  return !stalled_ && !again_;
}

Result<void> JobReceiver::take(const Incoming& incoming) {
  switch (incoming.kind()) {
    case FrameKind::kEntries:
      TRY(intake_.take(incoming.bytes));
      break;
    case FrameKind::kPart:
      return take_part(incoming);
    case FrameKind::kCopy:
      return take_copy(incoming);
    case FrameKind::kClose:
      return take_close(incoming);
    case FrameKind::kTrouble:
      TRY(take_trouble(incoming));
      break;
    case FrameKind::kFinish:
      return take_finish(incoming);
    case FrameKind::kError: {
      Error error = error_of_peer(incoming);
      channel_.consume(incoming.bytes.size());
      return fail(std::move(error));
    }
    default:
      return fail(unexpected_frame(incoming));
  }
  channel_.consume(incoming.bytes.size());
  return {};
}

Result<void> JobReceiver::begin_file() {
  if (file_) return {};
  submit_links();
  if (intake_.first() == nullptr) return fail(ErrorCode::kProtocol, "content came that was not asked for");
  file_.emplace(intake_.take_first(), parts_);
  return {};
}

// The frame is looked at again after a while if not.
bool JobReceiver::is_ready(IncomingFile::Ready ready) {
  again_ = ready == IncomingFile::Ready::kAgain;
  stalled_ = ready == IncomingFile::Ready::kWait;
  return ready == IncomingFile::Ready::kYes;
}

Result<void> JobReceiver::take_part(const Incoming& incoming) {
  TRY(begin_file());
  const std::uint64_t offset = parse_number(incoming.header.name).value_or(0);
  if (incoming.header.size > kMaxFrameSize - offset) return fail(ErrorCode::kProtocol, "a 'part' ends beyond any file");
  TRY_ASSIGN(const auto ready, file_->prepare_part(offset + incoming.offset, incoming.header.size > 0));
  if (!is_ready(ready)) return {};
  file_->append(incoming.bytes);
  channel_.consume(incoming.bytes.size());
  return {};
}

Result<void> JobReceiver::take_copy(const Incoming& incoming) {
  TRY(begin_file());
  TRY_ASSIGN(const CopyRange range, decode_copy(incoming.bytes));
  const std::uint64_t offset = parse_number(incoming.header.name).value_or(0);
  if (range.length > kMaxFrameSize - offset) return fail(ErrorCode::kProtocol, "a 'copy' ends beyond any file");
  TRY_ASSIGN(const auto ready, file_->prepare_part(offset, true));
  if (!is_ready(ready)) return {};
  TRY(file_->copy(range));
  channel_.consume(incoming.bytes.size());
  return {};
}

Result<void> JobReceiver::take_trouble(const Incoming& incoming) {
  TRY_ASSIGN(std::vector<Trouble> troubles, decode_trouble(incoming.bytes));
  for (Trouble& trouble : troubles) {
    trouble.message = sentence_of_peer(trouble.message);
    if (!trouble.is_notice) troubled_there_ = true;
    report_.observer().trouble(trouble, true);
  }
  return {};
}

Result<void> JobReceiver::take_close(const Incoming& incoming) {
  TRY(begin_file());
  TRY_ASSIGN(const Seal seal, decode_close(incoming.bytes));
  if (!is_ready(file_->prepare_close(seal))) return {};
  channel_.consume(incoming.bytes.size());
  if (!file_->close(seal)) {
    ledger_.settle(file_->number());
    report_.observer().file_passed();
  }
  file_.reset();
  return {};
}

Result<void> JobReceiver::take_finish(const Incoming& incoming) {
  TRY_ASSIGN(JobEnd end, decode_finish(incoming.bytes));
  submit_links();
  if (end.complete && (file_ || intake_.first() != nullptr || !intake_.idle())) {
    return fail(ErrorCode::kProtocol, "a job was finished before everything in it had come");
  }
  channel_.consume(incoming.bytes.size());
  end.message = sentence_for_display(end.message);
  there_ = std::move(end);
  file_.reset();  // what has come of it stays for the next time
  intake_.forget();
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// The loop and its end

bool JobReceiver::ended() const {
  return there_ && (!store_ || store_->idle());
}

Result<void> JobReceiver::wait() {
  std::array<pollfd, 3> watched{};
  std::size_t count = 0;
  for (const int fd : {intake_.fd(), store_ ? store_->fd() : -1, file_ && may_take() ? file_->fd() : -1}) {
    if (fd >= 0) watched[count++] = {fd, POLLIN, 0};
  }
  const Deadline until = again_ ? Deadline::after(Deadline::Clock::duration::zero()) : Deadline::never();
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
  for (const JobLedger::LeftDirectory& left : ledger_.advance(true)) {
    if (left.restored) std::ignore = target_.restore_directory(left.path, *left.restored);
  }
}

void JobReceiver::tidy_up() {
  if (ledger_.settled() + ledger_.open() == 0) target_.remove_base();
}

JobOutcome JobReceiver::end_alone() {
  count_on(true);
  const int error = store_ ? store_->sync_all() : 0;
  if (error != 0) report_.failed(target_.shown("."), errno_error(error, "the disk did not confirm what is there"));
  report_.totals.place = target_.stored_at();
  return {report_.totals, *there_};
}

}  // namespace

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
