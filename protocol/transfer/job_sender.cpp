// The sending side's engine: one loop that hears what has come, and says one thing whenever there is room.
//
//   TreeWalk --> batch_ --entries--> unjudged_ --verdicts--> wanted_ --> content_ --part, close-->
//                                        \--- nothing needed
//
// What comes first is said first: troubles, then entries while few of them are without a verdict, then content.
#include "protocol/transfer/job_sender.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"
#include "protocol/transfer/content_sender.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "protocol/transfer/entry_batch.h"
#include "protocol/transfer/file_attributes.h"

namespace farhand {
namespace {

// Files that wait for their turn to be sent: with kMostUnjudged this bounds what is remembered.
constexpr std::size_t kMostWanted = kMostUnjudged;
// Longest time without a turn for the connection while there is work that says nothing, or little: a receiver that
// makes a file from another works on what a delta says meanwhile.
constexpr std::chrono::milliseconds kLongestStep{10};
constexpr std::size_t kTroubleBytes = 64 << 10;  // what one frame of them holds, or little more

struct Listed {
  std::string path;  // of a file, or of a further name; else empty
  std::uint64_t size = 0;
  bool is_file = false;
};

struct Wanted {
  std::string path;
  Verdict verdict;
  std::shared_ptr<const delta::Signature> signature{};  // Need::kDelta, once it has begun to come

  // What is compared as a whole first will hardly need the signature; the rest begins while that still comes.
  [[nodiscard]] bool ready() const {
    return verdict.need != Need::kDelta || (signature && (verdict.have == 0 || signature->complete()));
  }
};

std::uint64_t cost_of(const delta::Signature& signature) {
  return kSignatureOverhead + signature.blocks() * delta::kSumBytes;
}

Error breach(std::string sentence) {
  return Error{ErrorCode::kProtocol, std::move(sentence), false};
}

class JobSender {
 public:
  JobSender(Channel& channel, TreeWalk& walk, JobObserver& observer, RateLimit* limit, bool packs)
      : channel_(channel), walk_(walk), observer_(observer), limit_(limit), content_(channel, walk, observer, packs) {}

  Result<JobOutcome> run();

 private:
  // --- hearing
  Result<void> hear_all();
  Result<void> take(const Incoming& incoming);
  Result<void> take_verdicts(Bytes bytes);
  Result<void> take_signature(Bytes piece);
  Result<void> take_stored(const std::string& count);
  Result<void> take_trouble(Bytes bytes);
  Result<void> take_finish(Bytes bytes);
  Error take_error(Bytes bytes);
  Result<void> judge(Listed listed, const Verdict& verdict);

  // --- saying
  bool say_something();
  bool may_list() const;
  void list_one();
  void count(std::uint64_t bytes);
  void add(Entry entry);
  void say_entries();
  void say_troubles();
  void begin_file();
  bool say_content();
  void say_finish(bool complete, std::string message);

  // --- in between
  Result<void> wait();
  Result<void> breathe();
  void own_troubles(std::vector<Trouble> troubles);

  Channel& channel_;
  TreeWalk& walk_;
  JobObserver& observer_;
  RateLimit* limit_;           // null: none
  bool is_held_back_ = false;  // by it

  EntryBatch batch_;
  bool walked_ = false;
  std::uint64_t listed_ = 0;   // entries said
  std::uint64_t settled_ = 0;  // of them
  std::deque<Listed> unjudged_;
  std::deque<Wanted> wanted_;
  std::optional<delta::SignatureReader> signature_;  // while it comes: of the last that is wanted, or has just begun
  std::uint64_t signature_bytes_ = 0;                // of those that are complete and wanted
  std::deque<Trouble> troubles_;                     // still to be said

  ContentSender content_;
  Deadline::Clock::time_point last_turn_ = Deadline::Clock::now();
  JobEnd here_;
  bool finished_ = false;
  std::optional<JobEnd> there_;
};

// ---------------------------------------------------------------------------------------------------------------------
// The loop

Result<JobOutcome> JobSender::run() {
  for (;;) {
    TRY(hear_all());
    if (there_) return JobOutcome{here_, *there_};
    content_.collect();
    if (channel_.has_room() && say_something()) {
      TRY(breathe());
    } else {
      TRY(wait());
    }
  }
}

Result<void> JobSender::wait() {
  if (channel_.exhausted()) {
    return fail(ErrorCode::kConnectionLost, "the connection was closed by the other side in the middle of a job");
  }
  pollfd watched{content_.helper(), POLLIN, 0};
  const auto begun = Deadline::Clock::now();
  TRY(channel_.wait({&watched, watched.fd >= 0 ? 1U : 0U}, is_held_back_ ? limit_->next() : Deadline::never()));
  const auto now = Deadline::Clock::now();
  if (is_held_back_) content_.waited(now - begun);
  last_turn_ = now;
  return {};
}

// A turn for the connection after long work: a slow disk, an endless hole.
Result<void> JobSender::breathe() {
  const auto now = Deadline::Clock::now();
  if (now - last_turn_ < kLongestStep) return {};
  if (!batch_.empty()) say_entries();
  TRY(channel_.wait({}, Deadline::at(now)));
  last_turn_ = Deadline::Clock::now();
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Hearing

Result<void> JobSender::hear_all() {
  while (!there_) {
    TRY_ASSIGN(const auto incoming, channel_.peek());
    if (!incoming) return {};
    if (incoming->kind() == FrameKind::kError) return fail(take_error(incoming->bytes));
    const std::size_t bytes = incoming->bytes.size();
    TRY(take(*incoming));
    channel_.consume(bytes);
  }
  return {};
}

Result<void> JobSender::take(const Incoming& incoming) {
  if (incoming.kind() == FrameKind::kVerdicts) return take_verdicts(incoming.bytes);
  if (incoming.kind() == FrameKind::kSignature) return take_signature(incoming.bytes);
  if (incoming.kind() == FrameKind::kStored) return take_stored(incoming.header.name);
  if (incoming.kind() == FrameKind::kTrouble) return take_trouble(incoming.bytes);
  if (incoming.kind() == FrameKind::kFinish) return take_finish(incoming.bytes);
  return fail(breach("a job was broken off by a frame '" + std::string(kind_name(incoming.kind())) + "'"));
}

Result<void> JobSender::take_verdicts(Bytes bytes) {
  TRY_ASSIGN(const auto verdicts, decode_verdicts(bytes));
  for (const Verdict& verdict : verdicts) {
    if (unjudged_.empty()) return fail(breach("there are more verdicts than entries"));
    if (signature_) return fail(breach("a verdict came where a signature was due"));
    Listed listed = std::move(unjudged_.front());
    unjudged_.pop_front();
    TRY(judge(std::move(listed), verdict));
  }
  return {};
}

Result<void> JobSender::judge(Listed listed, const Verdict& verdict) {
  if (verdict.need == Need::kNothing) {
    if (listed.is_file) {
      observer_.spared(listed.size);
      observer_.file_passed();
    }
    return {};
  }
  if (listed.path.empty()) return fail(breach("content was asked for where there is none"));
  if (!listed.is_file) count(listed.size);  // a further name, of something that stays as it is there
  if (verdict.need == Need::kDelta) signature_.emplace();
  wanted_.push_back({std::move(listed.path), verdict});
  return {};
}

// One is bounded by itself (SignatureReader), and all that wait are in sum. That the file is not among the wanted any
// more says that its content has begun, and maybe ended.
Result<void> JobSender::take_signature(Bytes piece) {
  if (!signature_) return fail(breach("a signature came that no verdict has announced"));
  TRY(signature_->take(piece));
  const bool is_wanted = !wanted_.empty();
  if (is_wanted) wanted_.back().signature = signature_->signature();
  content_.signature_grew();
  if (!signature_->done()) return {};
  signature_.reset();
  if (is_wanted) signature_bytes_ += cost_of(*wanted_.back().signature);
  if (signature_bytes_ > kMostSignatureBytes) return fail(breach("more signatures came than may be outstanding"));
  return {};
}

Result<void> JobSender::take_stored(const std::string& count) {
  const auto settled = parse_number(count);
  if (!settled || *settled < settled_ || *settled > listed_) {
    return fail(breach("a count of stored entries is none"));
  }
  if (*settled > settled_) observer_.settled(*settled - settled_);
  settled_ = *settled;
  return {};
}

Result<void> JobSender::take_trouble(Bytes bytes) {
  TRY_ASSIGN(auto troubles, decode_trouble(bytes));
  for (Trouble& trouble : troubles) {
    trouble.message = sentence_of_peer(trouble.message);
    observer_.trouble(trouble, true);
  }
  return {};
}

// The receiver's last word answers ours; before it, it can only say that the job is broken off.
Result<void> JobSender::take_finish(Bytes bytes) {
  TRY_ASSIGN(JobEnd end, decode_finish(bytes));
  end.message = sentence_for_display(end.message);
  if (!finished_) {
    if (end.complete) return fail(breach("a job was called complete before all of it was sent"));
    here_.code = ErrorCode::kCancelled;
    say_finish(false, "the other side broke the job off");
  } else if (end.complete && here_.complete && settled_ != listed_) {
    return fail(breach("a job was called complete, of which " + std::to_string(listed_ - settled_) +
                       " entries were not said to be stored"));
  }
  there_ = std::move(end);
  return {};
}

Error JobSender::take_error(Bytes bytes) {
  auto report = decode_error(bytes);
  if (!report) return std::move(report).error();
  channel_.consume(bytes.size());
  if (!finished_ && channel_.may_say(FrameKind::kFinish)) {
    here_.code = ErrorCode::kCancelled;
    say_finish(false, "the other side refused the job");
  }
  return Error{report->code, sentence_of_peer(report->message), true};
}

// ---------------------------------------------------------------------------------------------------------------------
// Saying: one thing a call; false if there is nothing to be said before something has come

bool JobSender::say_something() {
  is_held_back_ = false;
  if (finished_) return false;
  if (!troubles_.empty()) {
    say_troubles();
  } else if (may_list()) {
    list_one();
  } else if (!batch_.empty()) {
    say_entries();
  } else if (content_.under_way()) {
    return say_content();
  } else if (!wanted_.empty() && wanted_.front().ready()) {
    begin_file();
  } else if (walked_ && unjudged_.empty() && wanted_.empty() && !signature_) {
    say_finish(true, {});
  } else {
    return false;
  }
  return true;
}

bool JobSender::may_list() const {
  return !walked_ && unjudged_.size() + batch_.size() < kMostUnjudged && wanted_.size() < kMostWanted;
}

void JobSender::list_one() {
  auto entry = walk_.next();
  own_troubles(walk_.take_troubles());
  if (!entry) {
    walked_ = walk_.at_end();
    if (walked_) observer_.listed_all();
    return;
  }
  if (EntryBatch::wire_bytes(*entry) > EntryBatch::kMostEntryBytes) {
    entry->attributes.assign(1, further_attributes());
    const std::string shown = walk_.shown(entry->path);
    own_troubles({Trouble{shown, ErrorCode::kLimit,
                          quoted(shown) + " has too many extended attributes, so it is sent without any", false}});
  }
  if (!batch_.fits(*entry)) say_entries();
  add(*std::move(entry));
  if (batch_.is_full()) say_entries();
}

void JobSender::count(std::uint64_t bytes) {
  ++here_.files;
  observer_.listed(1, bytes);
}

// Links are no files in the totals, as they are none where they are stored.
void JobSender::add(Entry entry) {
  if (entry.kind == EntryKind::kFile) count(entry.size);
  if (entry.path.find('/') == std::string::npos) observer_.top_came(entry.path);
  batch_.add(std::move(entry));
}

// They go out at once: the verdicts on them are what everything else waits for.
void JobSender::say_entries() {
  channel_.say_structure(FrameKind::kEntries, encode(batch_.entries()));
  for (Entry& entry : batch_.entries()) {
    const bool is_file = entry.kind == EntryKind::kFile;
    const bool has_content = is_file || entry.kind == EntryKind::kHardLink;
    unjudged_.push_back({has_content ? std::move(entry.path) : std::string(), entry.size, is_file});
  }
  listed_ += batch_.size();
  batch_.clear();
  last_turn_ = {};
}

void JobSender::own_troubles(std::vector<Trouble> troubles) {
  for (Trouble& trouble : troubles) {
    if (!trouble.is_notice) ++here_.failed;
    trouble.path.resize(std::min(trouble.path.size(), kMaxFrameNameBytes));
    observer_.trouble(trouble, false);
    troubles_.push_back(std::move(trouble));
  }
}

void JobSender::say_troubles() {
  std::vector<Trouble> said;
  for (std::size_t bytes = 0; !troubles_.empty() && bytes < kTroubleBytes; troubles_.pop_front()) {
    bytes += troubles_.front().path.size() + kMaxErrorText;
    said.push_back(std::move(troubles_.front()));
  }
  channel_.say_structure(FrameKind::kTrouble, encode(said));
}

void JobSender::begin_file() {
  Wanted wanted = std::move(wanted_.front());
  wanted_.pop_front();
  if (wanted.signature && wanted.signature->complete()) signature_bytes_ -= cost_of(*wanted.signature);
  content_.begin(wanted.path, wanted.verdict, std::move(wanted.signature));
}

// As much as the limit permits.
bool JobSender::say_content() {
  if (content_.helper() >= 0 || content_.waits()) return false;
  const std::uint64_t most = limit_ != nullptr ? limit_->allowance(Deadline::Clock::now()) : kMaxFrameSize;
  is_held_back_ = most == 0;
  if (is_held_back_) return false;
  const std::uint64_t before = content_.wire_bytes();
  content_.say_more(most);
  if (limit_ != nullptr) limit_->spent(content_.wire_bytes() - before);
  return true;
}

void JobSender::say_finish(bool complete, std::string message) {
  here_.bytes = content_.sent_bytes();
  here_.failed += content_.failed_files();
  here_.complete = complete;
  here_.message = std::move(message);
  channel_.say_structure(FrameKind::kFinish, encode(here_));
  finished_ = true;
}

}  // namespace

Result<JobOutcome> send_job(Channel& channel, TreeWalk& walk, JobObserver& observer, RateLimit* limit, bool packs) {
  return JobSender(channel, walk, observer, limit, packs).run();
}

}  // namespace farhand
