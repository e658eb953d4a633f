// What each frame does, and each turn without one.
#include "protocol/transfer/job_receiving.h"

#include <string>
#include <utility>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/slip.h"
#include "protocol/transfer/job_refusal.h"
#include "protocol/transfer/link_item.h"

namespace farhand {

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
  if (moved_) parts.moved = &*moved_;
  return parts;
}

// ---------------------------------------------------------------------------------------------------------------------
// What needs no frame

Result<void> JobReceiver::turn() {
  TRY_ASSIGN(again_, intake_.turn(channel_));
  submit_links();
  if (store_) settle(store_->turn(!there_));
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
    case FrameKind::kPacked:
      return take_packed(incoming);
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

// The stream goes on whatever has become of the file.
Result<void> JobReceiver::take_packed(const Incoming& incoming) {
  TRY(begin_file());
  const std::uint64_t offset = parse_number(incoming.header.name).value_or(0);
  if (offset > kMaxFrameSize - kMaxPackedContent) {
    return fail(ErrorCode::kProtocol, "a 'packed' ends beyond any file");
  }
  TRY_ASSIGN(const auto ready, file_->prepare_part(offset, true));
  if (!is_ready(ready)) return {};
  if (!unpacker_) unpacker_.emplace();
  TRY_ASSIGN(const Bytes content, unpacker_->unpack(incoming.bytes));
  report_.observer().packed(content.size(), incoming.bytes.size());
  file_->append_unpacked(content);
  channel_.consume(incoming.bytes.size());
  return {};
}

Result<void> JobReceiver::take_copy(const Incoming& incoming) {
  TRY(begin_file());
  TRY_ASSIGN(const CopyRange range, decode_copy(incoming.bytes));
  const std::uint64_t offset = parse_number(incoming.header.name).value_or(0);
  if (range.length > kMaxFrameSize - offset) return fail(ErrorCode::kProtocol, "a 'copy' ends beyond any file");
  TRY_ASSIGN(const auto ready, file_->prepare_copy(offset, range));
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

}  // namespace farhand
