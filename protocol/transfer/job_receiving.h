// JobReceiver: the receiving side's engine, one loop that takes frames and never waits for a disk. What is asked of it
// is in job_receiver.h.
//
//   entries -> JobIntake -> wanted -> IncomingFile (part, packed, copy, close) -> StoreQueue -> settled -> JobLedger ->
//   stored
//
// Ownership: borrows all but the target. Threads: one; what takes long is its parts' helpers' work.
// Errors:    what ends the job; a file that cannot be stored is told of, and the job goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/channel.h"
#include "protocol/transfer/backup_names.h"
#include "protocol/transfer/extra_names.h"
#include "protocol/transfer/incoming_file.h"
#include "protocol/transfer/job_intake.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/moved_files.h"
#include "protocol/transfer/packing.h"
#include "protocol/transfer/spill.h"

namespace farhand {

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
  Result<void> take_packed(const Incoming& incoming);
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
  std::optional<Unpacker> unpacker_;  // from the first `packed` on
  std::optional<IncomingFile> file_;  // whose content is under way
  std::optional<JobEnd> there_;
  std::uint64_t stored_said_ = 0;
  bool again_ = false;    // there is more to do at once
  bool stalled_ = false;  // what came last waits for a helper
  bool directories_changed_ = false;
  bool deletions_over_ = false;  // all was deleted that was to be, or it was told why not
  bool troubled_there_ = false;  // the sender told of something that went wrong
};

}  // namespace farhand
