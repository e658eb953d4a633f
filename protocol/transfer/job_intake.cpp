// JobIntake: from entries to verdicts.
#include "protocol/transfer/job_intake.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/transfer/file_attributes.h"

namespace farhand {
namespace {

constexpr std::size_t kMostWanted = 4096;
constexpr std::uint64_t kMostDirectoryBytes = 32 << 20;
// Entries behind one that takes long: a flag each, and of directories their entries, which have a bound of their own.
constexpr std::size_t kMostOpenEntries = 64 << 10;
// Hashed without a helper: more of one file, or in one turn, would let a ping wait for tens of milliseconds.
constexpr std::uint64_t kHashedHere = 1 << 20;
constexpr std::uint64_t kHashedATurn = 16 << 20;
constexpr std::size_t kVerdictsAFrame = 4096;  // of 25 bytes: 100 KiB
constexpr std::size_t kMostOpenParts = 16;     // held open and locked until their content comes
constexpr std::size_t kMostElsewhere = 64;     // files of other names, held open until then
constexpr std::uint64_t kMostAttributeBytes = 16 << 20;

std::uint64_t attribute_bytes(const Entry& entry) {
  std::uint64_t bytes = 0;
  for (const ExtendedAttribute& each : entry.attributes) bytes += sizeof each + each.name.size() + each.value.size();
  return bytes;
}

// What counts as a file in the totals, on both sides: links do not.
bool is_file(const Entry& entry) {
  return entry.kind == EntryKind::kFile;
}

}  // namespace

// What is not asked for is not remembered.
void JobIntake::strip(Entry& entry) {
  if (!parts_.options.owner) entry.user.clear(), entry.group.clear();
  if (!parts_.options.attributes) entry.attributes.clear();
  const std::uint64_t bytes = attribute_bytes(entry);
  if (bytes > 0 && attribute_bytes_ + bytes > kMostAttributeBytes) {
    entry.attributes.assign(1, further_attributes());
    parts_.report.notice(entry.path, ErrorCode::kLimit,
                         quoted(entry.path) + " comes without its extended attributes, which are too many at once");
  }
  attribute_bytes_ += attribute_bytes(entry);
}

// A sender chooses what is in the things that were asked for, and not what things come.
Result<void> JobIntake::check_names(const Entry& entry) const {
  if (names_.empty()) return {};
  const auto is_asked = [&](std::string_view path) {
    return names_.count(path.substr(0, path.find('/'))) != 0;
  };
  if (is_asked(entry.path) && (entry.kind != EntryKind::kHardLink || is_asked(entry.target))) return {};
  return fail(ErrorCode::kProtocol, "the entry " + quoted(entry.path) + " was not asked for");
}

// A second name is given to what this job has brought, and to nothing that was there before.
Result<void> JobIntake::check_link(const Entry& entry) {
  if (is_file(entry) || entry.kind == EntryKind::kLink) linkable_.add(entry.path);
  if (entry.kind != EntryKind::kHardLink || linkable_.holds(entry.target)) return {};
  return fail(ErrorCode::kProtocol,
              quoted(entry.path) + " is to be a name of " + quoted(entry.target) + ", which was not listed before it");
}

void JobIntake::release(const Entry& directory) {
  attribute_bytes_ -= attribute_bytes(directory);
}

bool JobIntake::can_go_on(const Channel& channel) const {
  return !hashing_ && !unjudged_.empty() && has_room(channel);
}

Result<void> JobIntake::take(Bytes structure) {
  TRY_ASSIGN(std::vector<Entry> entries, decode_entries(structure));
  if (entries.size() > kMostUnjudged - unjudged_.size()) {
    return fail(ErrorCode::kProtocol, "more entries were listed than may be without a verdict");
  }
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  for (Entry& entry : entries) {
    TRY(order_.admit(entry));
    TRY(check_names(entry));
    TRY(check_link(entry));
    strip(entry);
    if (is_file(entry)) ++files, bytes += entry.size;
    if (parts_.listed != nullptr && entry.path != ".") parts_.listed->put(entry.path);
    if (entry.path.find('/') == std::string::npos) parts_.report.observer().top_came(entry.path);
    const std::uint64_t number = parts_.ledger.add(entry.path);
    unjudged_.push_back({number, std::move(entry)});
  }
  parts_.report.observer().listed(files, bytes);
  return {};
}

bool JobIntake::has_room(const Channel& channel) const {
  return channel.has_room() && wanted_.size() < kMostWanted && parts_.ledger.open() < kMostOpenEntries &&
         parts_.ledger.directory_bytes() < kMostDirectoryBytes && !parts_.report.full() &&
         open_elsewhere_ < kMostElsewhere && open_parts_ < kMostOpenParts && signatures_.has_room() &&
         !(parts_.store != nullptr && parts_.store->behind());
}

Result<bool> JobIntake::turn(Channel& channel) {
  hashed_bytes_ = 0;
  take_sums();
  if (hashing_ && !reading_ && hashing_->done()) {
    hashing_->finish();
    hashing_.reset();
    conclude();
  }
  while (!hashing_ && !unjudged_.empty() && has_room(channel) && hashed_bytes_ < kHashedATurn) TRY(judge_next());
  say(channel);
  return can_go_on(channel);
}

Result<void> JobIntake::judge_next() {
  Entry& entry = unjudged_.front().entry;
  if (kept_.adapt(entry)) parts_.report.observer().listed(1, entry.size);
  TRY_ASSIGN(current_, judge_.judge(entry, open_parts_ < kMostOpenParts));
  if (current_->error && unjudged_.front().number == 0 && parts_.target.is_the_target(current_->path) &&
      entry.kind == EntryKind::kDirectory) {
    refusal_ = *current_->error;
    return fail(*current_->error);
  }
  const bool may_be_elsewhere = parts_.moved != nullptr && current_->is_new && !current_->part &&
                                entry.size >= kLeastDelta && entry.kind == EntryKind::kFile &&
                                current_->fate == Judgement::Fate::kNeeded;
  if (may_be_elsewhere && !parts_.moved->built()) {
    // The entry stays where it is while others come behind it.
    hashing_ = std::make_unique<BackgroundTask>([this, &entry] {
      parts_.moved->build(stop_hashing_);
      look_elsewhere(entry);
      EntryJudge::settle_hash(*current_, stop_hashing_);
    });
    return {};
  }
  if (may_be_elsewhere) look_elsewhere(entry);
  const std::uint64_t bytes = EntryJudge::bytes_to_hash(*current_);
  hashed_bytes_ += bytes;
  if (current_->wants_signature) {
    begin_reading();
    return {};
  }
  if (bytes > kHashedHere) {
    hashing_ = std::make_unique<BackgroundTask>([this] { EntryJudge::settle_hash(*current_, stop_hashing_); });
    return {};
  }
  EntryJudge::settle_hash(*current_, stop_hashing_);
  conclude();
  return {};
}

// The verdict waits for nothing, and the sums follow while the base is read.
void JobIntake::begin_reading() {
  const auto bytes = static_cast<std::uint64_t>(current_->old_status.st_size);
  reading_.emplace(*std::exchange(current_->old_file, std::nullopt), bytes);
  current_->verdict = {Need::kDelta, 0, {}};
  conclude();
  if (bytes > kHashedHere) {
    hashing_ = std::make_unique<BackgroundTask>([this] { reading_->run(stop_hashing_); });
  } else {
    reading_->run(stop_hashing_);
    take_sums();
  }
}

// When all are known, the helper is about to end.
void JobIntake::take_sums() {
  if (!reading_) return;
  const BaseReading::Sums sums = reading_->take();
  signatures_.grow(sums.weak, sums.strong);
  if (!sums.ended) return;
  if (hashing_) {
    hashing_->finish();
    hashing_.reset();
  }
  reading_.reset();
}

// What was renamed there is likely to be here still, under its old name.
void JobIntake::look_elsewhere(const Entry& entry) {
  auto found = parts_.moved->find(entry);
  if (!found) return;
  current_->old_file = std::move(found->file);
  current_->old_status = found->status;
  current_->compares = current_->is_elsewhere = true;
}

void JobIntake::tell_if_full() {
  if (told_full_ || parts_.moved == nullptr || !parts_.moved->full()) return;
  told_full_ = true;
  parts_.report.notice(parts_.target.shown("."), ErrorCode::kLimit,
                       "there are too many files to recognise all that were renamed, so some may be sent again");
}

void JobIntake::conclude() {
  Unjudged one = std::move(unjudged_.front());
  unjudged_.pop_front();
  Judgement judgement = *std::exchange(current_, std::nullopt);
  unsaid_.push_back(judgement.verdict);
  tell_if_full();
  const std::string shown = parts_.target.shown(judgement.path);
  if (judgement.fate == Judgement::Fate::kNeeded) {
    kept_.will_be_stored(one.entry);
    return want(std::move(one), std::move(judgement));
  }
  const bool is_finished_later =
      judgement.fate == Judgement::Fate::kMade || judgement.fate == Judgement::Fate::kEntered || judgement.mode_was;
  if (!is_finished_later) attribute_bytes_ -= attribute_bytes(one.entry);
  switch (judgement.fate) {
    case Judgement::Fate::kSettled:
      if (!judgement.notice.empty()) {
        parts_.report.notice(shown, ErrorCode::kNotRegular, quoted(shown) + " " + std::string(judgement.notice));
      } else if (!judgement.would.empty()) {
        parts_.report.would(shown, judgement.would);
      } else if (is_file(one.entry) || one.entry.kind == EntryKind::kLink) {
        if (is_file(one.entry)) ++parts_.report.totals.unchanged;
        kept_.add(one.entry);
      }
      break;
    case Judgement::Fate::kUnchanged:
      if (!judgement.would.empty()) parts_.report.would(shown, judgement.would);
      if (is_file(one.entry)) ++parts_.report.totals.unchanged;
      parts_.report.observer().spared(is_file(one.entry) ? one.entry.size : 0);
      break;
    case Judgement::Fate::kFailed:
      if (judgement.error) {
        parts_.report.failed(shown, *judgement.error);
      } else {
        parts_.report.failed_too();
      }
      if (parts_.store != nullptr) parts_.store->mark_failed(judgement.path);
      break;
    case Judgement::Fate::kMade:
    case Judgement::Fate::kEntered:
      return conclude_directory(one, judgement);
    case Judgement::Fate::kStays:
      if (judgement.mode_was) return conclude_directory(one, judgement);
      break;
    case Judgement::Fate::kNeeded:
      break;
  }
  if (is_file(one.entry)) parts_.report.observer().file_passed();
  parts_.ledger.settle(one.number);
}

// It is settled when it is durable; what it gets in the end is remembered until all in it is settled.
void JobIntake::conclude_directory(Unjudged& one, Judgement& judgement) {
  const std::uint64_t number = one.number;
  const auto restored = judgement.fate == Judgement::Fate::kStays ? judgement.mode_was : std::nullopt;
  if (judgement.fate == Judgement::Fate::kMade) {
    StoreItem item;
    item.kind = EntryKind::kDirectory;
    item.number = number;
    item.path = judgement.path;
    item.shown = parts_.target.shown(judgement.path);
    parts_.store->add(std::move(item));
  } else {
    parts_.ledger.settle(number);
  }
  parts_.ledger.remember_directory(number, std::move(one.entry), std::move(judgement.path), restored);
}

void JobIntake::want(Unjudged one, Judgement judgement) {
  WantedEntry wanted{
      one.number,   std::move(one.entry),     std::move(judgement.path), judgement.verdict, std::move(judgement.part),
      std::nullopt, !judgement.would.empty(), judgement.replaces};
  if (wanted.part) ++open_parts_;
  if (judgement.old_file && judgement.compares) wanted.old = judgement.old_status;
  if (judgement.old_file && judgement.is_elsewhere) {
    wanted.elsewhere = std::move(judgement.old_file);
    ++open_elsewhere_;
  }
  if (judgement.wants_signature) {
    wanted.base = judgement.old_status;
    wanted.base_hash = reading_->hash();
    wanted.signature_bytes = signatures_.add(reading_->shape());
  }
  wanted_.push_back(std::move(wanted));
}

void JobIntake::say(Channel& channel) {
  std::size_t told = 0;
  while (signatures_.say(channel) && told < unsaid_.size() && channel.has_room()) {
    const auto from = unsaid_.begin() + static_cast<std::ptrdiff_t>(told);
    const auto end = from + static_cast<std::ptrdiff_t>(std::min(kVerdictsAFrame, unsaid_.size() - told));
    const auto delta = std::find_if(from, end, [](const Verdict& each) { return each.need == Need::kDelta; });
    const auto count = static_cast<std::size_t>(delta - from) + (delta != end ? 1 : 0);
    channel.say_structure(FrameKind::kVerdicts,
                          encode(std::vector<Verdict>(from, from + static_cast<std::ptrdiff_t>(count))));
    told += count;
    if (delta != end) signatures_.begin();
  }
  unsaid_.erase(unsaid_.begin(), unsaid_.begin() + static_cast<std::ptrdiff_t>(told));
  said_ += told;
}

const WantedEntry* JobIntake::first() const noexcept {
  return wanted_.empty() || wanted_.front().number >= said_ ? nullptr : &wanted_.front();
}

WantedEntry JobIntake::take_first() {
  WantedEntry wanted = std::move(wanted_.front());
  wanted_.pop_front();
  attribute_bytes_ -= attribute_bytes(wanted.entry);
  if (wanted.part) --open_parts_;
  if (wanted.elsewhere) --open_elsewhere_;
  if (wanted.base) signatures_.release(wanted.signature_bytes);
  return wanted;
}

void JobIntake::forget() {
  stop_hashing_ = true;
  hashing_.reset();
  reading_.reset();
  current_.reset();
  unjudged_.clear();
  unsaid_.clear();
  wanted_.clear();
  signatures_.forget();
}

}  // namespace farhand
