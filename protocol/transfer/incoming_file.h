// IncomingFile: the content of one entry, from its first part to its close.
//
//   wanted -> [ nothing yet ] -> part file -> compared with `close` -> StoreQueue
//               |  nothing comes, and what is there is the same: it stays; if it has other names and another mode,
//               |  time, owner or attributes, a copy of it takes this name
//
// Copies that are the base's own bytes, each in its place, are only counted, until something else comes. So a file that
// turns out to be the same stays; else a helper copies what was counted, and everything goes on behind it.
//
// Whatever fails with the file itself is remembered, told once, and the rest of it thrown away.
//
// Ownership: borrows; owns the part file until it is finished. Threads: one at a time; copying runs on a helper.
// Errors:    outer: kProtocol. The file's own go to the report.
#pragma once

#include <memory>
#include <optional>

#include "protocol/messages/file.h"
#include "protocol/transfer/delta/rebuilder.h"
#include "protocol/transfer/job_intake.h"

namespace farhand {

// Why an entry is not stored whose name BackupNames hold.
Error is_a_backup(const std::string& shown);

class IncomingFile {
 public:
  IncomingFile(WantedEntry wanted, const JobParts& parts);
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;
  ~IncomingFile() { stop_copying_ = true; }  // copying_ waits for its end

  enum class Ready {
    kYes,
    kAgain,  // a step was done: ask again after a look at the connection
    kWait,   // a helper is busy: ask again when fd() is readable
  };
  // Before content at `offset` is appended, and before close(). Nothing is taken from the connection meanwhile.
  Result<Ready> prepare_part(std::uint64_t offset, bool has_bytes);
  void append(Bytes bytes);
  void append_unpacked(Bytes bytes);  // which may have cost their sender next to nothing
  // A range of the file that was there.
  Result<Ready> prepare_copy(std::uint64_t offset, const CopyRange& range);
  Result<void> copy(const CopyRange& range);
  Ready prepare_close(const Seal& seal);
  // True: it waits to be stored; else the entry is settled.
  bool close(const Seal& seal);

  [[nodiscard]] int fd() const noexcept { return copying_ ? copying_->fd() : -1; }
  [[nodiscard]] std::uint64_t number() const noexcept { return wanted_.number; }

 private:
  [[nodiscard]] bool stays_as_it_is() const noexcept {
    return wanted_.old && !begun_ && !wanted_.elsewhere && !old_file_ && !part_;
  }
  void leave_base();
  void spare_have();
  void judge_likeness(const Seal& seal);
  Ready make_ready(std::uint64_t offset);
  bool open_part();
  Result<UniqueFd> open_in_place(const struct stat& as_it_was) const;
  bool open_base();
  [[nodiscard]] std::uint64_t most_bytes() const;
  [[nodiscard]] Error more_than_announced() const;
  bool begin_copy();
  void end_copy();
  void start_over();
  void take_over(const Seal& seal);
  [[nodiscard]] bool stays_under_other_names() const;
  [[nodiscard]] bool old_is_like() const;
  void mend_old();
  bool compare(const Seal& seal);
  void hand_over();
  void fail_with(const Error& error);

  WantedEntry wanted_;
  JobParts parts_;
  std::string shown_;
  bool begun_ = false;    // a part has come
  bool dropped_ = false;  // nothing more of it is written: it failed, or this is a dry run
  bool failed_ = false;
  bool follows_base_;           // all that has come is how the base begins, and nothing has been written of it
  bool told_spared_ = false;    // of what was there
  bool knows_hash_ = true;      // verdict.hash is that of `have` bytes
  std::uint64_t position_ = 0;  // where content goes on
  std::optional<PartFile> part_;
  std::optional<UniqueFd> old_file_;
  std::optional<UniqueFd> base_;
  std::optional<delta::Rebuilder> rebuilder_;  // reads base_
  std::optional<Result<void>> copied_;
  std::atomic<bool> stop_copying_ = false;
  std::unique_ptr<BackgroundTask> copying_;  // last: it uses what stands above
};

}  // namespace farhand
