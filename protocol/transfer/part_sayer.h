// PartSayer: says stretches of a job's content, as `packed` frames where that makes them smaller, else as `part`
// frames.
//
// Ownership: borrows channel and observer. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "protocol/channel.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/packing.h"
#include "protocol/transfer/packing_policy.h"

namespace farhand {

class PartSayer {
 public:
  // `packs`: the receiver's user wants it so.
  PartSayer(Channel& channel, JobObserver& observer, bool packs)
      : channel_(channel), observer_(observer), packs_(packs) {}
  PartSayer(const PartSayer&) = delete;
  PartSayer& operator=(const PartSayer&) = delete;

  void begin_file() noexcept { policy_.begin_file(); }
  // Whether the next bytes should go through say(); else the caller may put them into a `part` of its own without a
  // copy, and tell of it.
  [[nodiscard]] bool packs() const noexcept { return packs_ && policy_.packs(); }
  void went_plain(std::uint64_t bytes) noexcept { policy_.went_plain(bytes); }
  // How many of them at a time, and room for them.
  [[nodiscard]] std::size_t piece_bytes() const noexcept { return policy_.piece_bytes(); }
  [[nodiscard]] MutableBytes buffer();

  void say(std::uint64_t offset, Bytes content);

  // Not for the link, but for a limit: it counts as if the link were as slow.
  void waited(PackingPolicy::Duration time) noexcept { waited_ += time; }
  // What was packed took so much less on the wire. (Noise may have made it more.)
  [[nodiscard]] std::int64_t saved_bytes() const noexcept { return saved_bytes_; }

 private:
  void pack(std::uint64_t offset, Bytes content);

  Channel& channel_;
  JobObserver& observer_;
  bool packs_;
  PackingPolicy policy_;
  PackingPolicy::Duration waited_{};
  std::optional<Packer> packer_;
  std::vector<std::byte> buffer_;
  std::int64_t saved_bytes_ = 0;
};

}  // namespace farhand
