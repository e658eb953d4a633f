// ContentSender: the content of one file after the other, as `part`, `packed` and `copy` frames and a `close`.
//
//   begin(path, verdict) --> [helper() >= 0: hashing what the receiver has, until collect()] --> say_more()... --> not
//   under_way()
//
// A file that cannot be read, or does not hold still, is closed as failed, and told of as a trouble of this side.
//
// Ownership: borrows everything for as long as it lives. Threads: one; a long prefix is hashed on a helper.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/background.h"
#include "protocol/channel.h"
#include "protocol/transfer/delta_sender.h"
#include "protocol/transfer/file_reader.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/part_sayer.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {

class ContentSender {
 public:
  // `packs`: what shrinks goes packed.
  ContentSender(Channel& channel, const TreeWalk& walk, JobObserver& observer, bool packs)
      : channel_(channel), walk_(walk), observer_(observer), parts_(channel, observer, packs) {}
  ContentSender(const ContentSender&) = delete;
  ContentSender& operator=(const ContentSender&) = delete;
  ~ContentSender() { stop_hashing_ = true; }  // hashing_ waits for its end

  // The next file. Only while none is under way. `signature`: of what the receiver has, with Need::kDelta; while it may
  // still be growing (with a `have` of 0), signature_grew() follows each of its pieces.
  void begin(const std::string& path, const Verdict& verdict, std::shared_ptr<const delta::Signature> signature);
  // Says the next part, of `most` bytes at most, or the end, or passes a stretch of a hole without a word. While under
  // way, without a helper, and not waiting for more of the signature.
  void say_more(std::uint64_t most);
  [[nodiscard]] bool under_way() const noexcept { return current_.has_value(); }
  [[nodiscard]] bool waits() const noexcept { return delta_ && delta_->waits(); }
  void signature_grew();

  // Readable when the helper is done, which collect() takes note of; -1: there is none.
  [[nodiscard]] int helper() const noexcept { return hashing_ ? hashing_->fd() : -1; }
  void collect();

  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_ + (delta_ ? delta_->sent_bytes() : 0); }
  // The same as it went over the wire.
  [[nodiscard]] std::uint64_t wire_bytes() const noexcept {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(sent_bytes()) - parts_.saved_bytes());
  }
  void waited(PackingPolicy::Duration time) noexcept { parts_.waited(time); }  // for a limit
  [[nodiscard]] std::uint64_t failed_files() const noexcept { return failed_files_; }

 private:
  struct Current {
    std::string path;
    FileReader reader;
    std::uint64_t have = 0;
    std::shared_ptr<const delta::Signature> signature{};  // until it is known that it is needed
  };

  Result<FileReader> open_file(const std::string& path) const;
  void begin_rest(const Verdict& verdict);
  void settle_rest();
  void begin_delta();
  void say_all_of_it();
  void say_piece(std::uint64_t most);
  void say_plain_piece(std::uint64_t most);
  void say_delta_piece(std::uint64_t most);
  void say_close(const std::string& path, const Seal& seal);

  Channel& channel_;
  const TreeWalk& walk_;
  JobObserver& observer_;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t failed_files_ = 0;
  PartSayer parts_;

  std::optional<Current> current_;
  std::optional<DeltaSender> delta_;  // of the current one
  std::atomic<bool> stop_hashing_ = false;
  bool rest_fits_ = false;
  std::optional<BackgroundTask> hashing_;  // after what it uses: its end waits for the work
};

}  // namespace farhand
