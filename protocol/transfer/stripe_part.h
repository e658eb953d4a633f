// StripePart: one stretch of a large file, written into the very part file (part_file.h) that a job goes on with later.
//
//   several of them, each with its own stretch      then the job, alone
//   [ stripe ][ stripe ][ .... ][ stripe ]  ----->  PartFile::find: hash of all, compared with the sender's; rename
//      shared lock                                     exclusive lock
//
// So a stretch gives nothing a name, and nothing that is wrong with one can reach a file under its name: the job
// compares the whole with what the sender has. While somebody writes a stretch, however late, no job takes the part
// over; a job that finds it so begins one of its own. What an earlier transfer has left in the stretch is kept.
//
// Ownership: owns its descriptor, and the lock in it; the part goes with it if nobody has written anything into it.
// Threads: one at a time; look() is for a helper. Errors:    one sentence each.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "common/hash.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/messages/file.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/part_file.h"

namespace farhand {

class StripePart {
 public:
  // Resolves the name as a job does (TreeTarget), and makes the directories that it leads through. Nothing: there is a
  // file of this size and time already, which is the job's to judge. kBusy: the part is somebody else's.
  static Result<std::optional<StripePart>> open(const JobTarget& target, const std::string& path,
                                                const Stretch& stretch);

  StripePart(StripePart&&) noexcept = default;
  StripePart& operator=(StripePart&&) = delete;
  ~StripePart();

  // Reads what is there of the stretch from its beginning on, up to the first hole.
  Result<void> look(const std::atomic<bool>& stop);
  [[nodiscard]] Verdict verdict() const;

  // In order, from there on, or all anew from the stretch's beginning (`offset`, and before anything else). What is
  // left out is zeros. kProtocol for what is out of order, or outside of the stretch.
  Result<void> write(std::uint64_t offset, Bytes bytes);
  // The end: compares. kIntegrity if it is not what was sent.
  Result<void> close(const Seal& seal);

  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }
  [[nodiscard]] std::uint64_t kept() const noexcept { return begun_ && !keeps_ ? 0 : kept_; }

 private:
  StripePart(SharedDirectory directory, std::string name, UniqueFd fd, std::string shown, const Stretch& stretch)
      : directory_(std::move(directory)),
        name_(std::move(name)),
        fd_(std::move(fd)),
        shown_(std::move(shown)),
        stretch_(stretch),
        at_(stretch.offset) {}
  void begin(bool anew);
  Result<void> skip_to(std::uint64_t offset);
  [[nodiscard]] Error trouble(int error_number, std::string_view doing) const;

  SharedDirectory directory_;
  std::string name_;  // in it
  UniqueFd fd_;
  std::string shown_;
  Stretch stretch_;
  std::uint64_t at_;  // where content goes on; what is before it, from the stretch's beginning, is in hash_
  std::uint64_t kept_ = 0;
  bool begun_ = false;
  bool keeps_ = true;
  ContentHash hash_;
};

}  // namespace farhand
