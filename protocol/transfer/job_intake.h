// JobIntake: takes the entries of a job, judges them in their order, says the verdicts, and queues what is to come.
//
//   entries -> [ unjudged ] -> EntryJudge -> [ unsaid verdicts ] -> channel
//                                         -> [ wanted: content, and links behind the content before them ]
//
// Bounds: kMostUnjudged entries without a verdict, which the protocol states; and no more are judged while too many
// wait for their content, so that a sender that lists without end holds itself up.
//
// Threads: one at a time; long hashing runs on a helper. Errors: kProtocol.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "protocol/channel.h"
#include "protocol/transfer/base_reading.h"
#include "protocol/transfer/entry_judge.h"
#include "protocol/transfer/entry_order.h"
#include "protocol/transfer/extra_names.h"
#include "protocol/transfer/job_ledger.h"
#include "protocol/transfer/job_report.h"
#include "protocol/transfer/kept_names.h"
#include "protocol/transfer/linkable_names.h"
#include "protocol/transfer/moved_files.h"
#include "protocol/transfer/signature_sayer.h"
#include "protocol/transfer/spill.h"
#include "protocol/transfer/store_queue.h"

namespace farhand {

// Whose turn comes with the content, or of a link when all before it has come.
struct WantedEntry {
  std::uint64_t number = 0;
  Entry entry;
  std::string path;  // in the target
  Verdict verdict;
  std::optional<PartFile> part;           // kRest: it is of this
  std::optional<struct stat> old;         // kRest, kDelta with `have`: or of the file that was there
  bool dry = false;                       // nothing is written
  bool replaces = false;                  // something is there
  std::optional<UniqueFd> elsewhere{};    // `old` is a file of another name, this one
  std::optional<struct stat> base{};      // kDelta: the file that was there
  std::shared_ptr<BaseHash> base_hash{};  // kDelta: its hash, when that is known
  std::uint64_t signature_bytes = 0;      // kDelta: what its signature counts as
};

// What a receiver's parts share.
struct JobParts {
  TreeTarget& target;
  const JobOptions& options;
  FileMetadata& metadata;
  StoreQueue* store;     // null in a dry run
  BackupNames& backups;  // of what is replaced, in the order of the content
  JobLedger& ledger;
  JobReport& report;
  Spill* listed = nullptr;      // where the names of all entries go, if they are asked for at the end
  MovedFiles* moved = nullptr;  // where a new file's content may be already
};

class JobIntake {
 public:
  // `names`: the first components that entries may have; empty: any.
  JobIntake(const JobParts& parts, bool contents, const std::vector<std::string>& names)
      : parts_(parts),
        names_(names.begin(), names.end()),
        order_(contents),
        judge_(parts.target, parts.options, parts.metadata) {}

  ~JobIntake() { stop_hashing_ = true; }  // hashing_ waits for its end
  JobIntake(const JobIntake&) = delete;
  JobIntake& operator=(const JobIntake&) = delete;

  // The entries of one frame.
  Result<void> take(Bytes structure);
  // Judges for a while, and says what it can. True: there is more to do at once.
  Result<bool> turn(Channel& channel);
  // Readable: turn() has news; -1: it waits for nothing.
  [[nodiscard]] int fd() const noexcept { return reading_ ? reading_->fd() : hashing_ ? hashing_->fd() : -1; }
  // Whether turn() would do something.
  [[nodiscard]] bool can_go_on(const Channel& channel) const;
  // A directory has been left: what it held of the bounds is free.
  void release(const Entry& directory);
  [[nodiscard]] bool idle() const noexcept {
    return unjudged_.empty() && unsaid_.empty() && !current_ && signatures_.idle();
  }

  // turn() has failed for this: the first entry, before anything was said, shows that nothing can be stored.
  [[nodiscard]] const std::optional<Error>& refusal() const noexcept { return refusal_; }

  // The first wanted entry whose verdict has been said; null: none.
  [[nodiscard]] const WantedEntry* first() const noexcept;
  WantedEntry take_first();
  // The job has been broken off: nothing more will be judged, or come.
  void forget();

 private:
  struct Unjudged {
    std::uint64_t number = 0;
    Entry entry;
  };
  void strip(Entry& entry);
  [[nodiscard]] bool has_room(const Channel& channel) const;
  Result<void> judge_next();
  void begin_reading();
  void take_sums();
  void look_elsewhere(const Entry& entry);
  void tell_if_full();
  void conclude();
  void conclude_directory(Unjudged& one, Judgement& judgement);
  void want(Unjudged one, Judgement judgement);
  void say(Channel& channel);

  Result<void> check_names(const Entry& entry) const;
  Result<void> check_link(const Entry& entry);

  JobParts parts_;
  std::set<std::string, std::less<>> names_;
  EntryOrder order_;
  LinkableNames linkable_;
  KeptNames kept_;
  EntryJudge judge_;
  std::deque<Unjudged> unjudged_;
  std::vector<Verdict> unsaid_;
  std::deque<WantedEntry> wanted_;
  std::uint64_t said_ = 0;
  std::uint64_t hashed_bytes_ = 0;     // in this turn
  std::uint64_t attribute_bytes_ = 0;  // of what is unjudged, wanted, or a directory that is not left
  std::size_t open_parts_ = 0;
  std::optional<Error> refusal_;
  std::size_t open_elsewhere_ = 0;
  bool told_full_ = false;
  SignatureSayer signatures_;

  std::atomic<bool> stop_hashing_ = false;
  std::optional<Judgement> current_;         // of the first that is unjudged, while it is hashed
  std::optional<BaseReading> reading_;       // for the last signature, until all of its sums are known
  std::unique_ptr<BackgroundTask> hashing_;  // last: it uses current_ or reading_
};

}  // namespace farhand
