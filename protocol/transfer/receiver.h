// Receiver: the frames post data... seal as one file, which appears under its name whole or not at all. It serves an
// upload in the server and a download in the client alike.
//
//   begin:    hidden part file in the target's directory, mode 0600
//   write:    every byte written and hashed as it comes
//   publish:  size and hash compared; mode, time; fsync; rename; fsync of the directory
//
// Whatever fails, the old file stays as it was and the part file is removed; after a crash of the machine a part file
// (.farhand-part-*) may be left.
//
// Ownership: owns its descriptors and the part file. Threads: one at a time; publish may run on another thread than the
//            rest.
// Errors:    one sentence each, saying that the old file was kept.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/background.h"
#include "common/hash.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/channel.h"
#include "protocol/messages/file.h"

namespace farhand {

class Receiver {
 public:
  struct Target {
    UniqueFd parent;          // the directory
    std::string leaf;         // the name in it: one component
    std::string shown;        // for sentences; unescaped
    mode_t mode_mask = 0755;  // which of the sender's permission bits are taken over
  };

  // Refuses a directory or a special file in the way, and makes the part file.
  static Result<Receiver> begin(Target target);
  Receiver(Receiver&&) noexcept = default;
  Receiver& operator=(Receiver&&) = delete;
  ~Receiver();

  Result<void> write(Bytes bytes);
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_; }

  // Early word on a file that cannot fit.
  [[nodiscard]] Result<void> check_space(std::uint64_t bytes) const;

  // Compares, makes durable, and renames. Takes as long as the disk does: run it on a helper (publish_aside).
  Result<Done> publish(const Seal& seal);

 private:
  Receiver(Target target, UniqueFd part, std::string part_name);
  void begin_writeback();
  Result<void> compare(const Seal& seal) const;
  Result<void> apply_attributes(const Seal& seal);
  Result<void> rename_into_place();
  Error trouble(int error_number, std::string_view doing) const;

  Target target_;
  UniqueFd part_;
  std::string part_name_;  // empty once it is gone
  ContentHash hash_;
  std::uint64_t received_ = 0;
  std::uint64_t writeback_begun_ = 0;
  std::unique_ptr<BackgroundTask> writeback_;  // last: it uses part_'s descriptor
};

// Called with the number of bytes so far.
using ProgressFunction = std::function<void(std::uint64_t)>;

// Reads the frames of one file from `post` (peeked at, not consumed) to its `seal`, and publishes. When it returns, the
// part file of a file that failed is gone, so that whoever is told of the failure finds nothing left of it.
// Outer error: the connection, or the peer broke the protocol. Inner error: this file failed; if `sealed` is false
// then, the rest of it is still to come (discard_body).
struct ReceiveOutcome {
  Result<Done> file = fail(ErrorCode::kInternal, "");
  bool sealed = false;
};
Result<ReceiveOutcome> receive_file(Channel& channel, Receiver receiver, const ProgressFunction& progress);

// Throws away what is left of a file, its seal included.
Result<void> discard_body(Channel& channel);

}  // namespace farhand
