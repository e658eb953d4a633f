// PackingPolicy: which pieces of a job's content are packed, and how hard. It packs nothing, and its clock is handed
// in.
//
//   Content: a file begins with a sample. What shrinks is packed; what does not is followed by 1 MiB that goes as it
//   is,
//            then another sample, and by twice as much each time, up to 16 MiB.
//   Link:    every 4 MiB the level goes up if more than half of the time was spent waiting for the link, and down if
//            next to none was.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/deadline.h"

namespace farhand {

class PackingPolicy {
 public:
  using Time = Deadline::Clock::time_point;
  using Duration = Deadline::Clock::duration;

  void begin_file() noexcept;
  // Whether the next piece of the file is to be packed, and of how many bytes it is at most; else how many go plain.
  [[nodiscard]] bool packs() const noexcept { return plain_left_ == 0; }
  [[nodiscard]] std::size_t piece_bytes() const noexcept;
  // What came of it.
  void packed(std::uint64_t content, std::uint64_t wire) noexcept;
  void went_plain(std::uint64_t content) noexcept;

  // Of zstd's, for the next piece. `held_up`: how long in all what was said has waited for the link.
  int level(Time now, Duration held_up) noexcept;

 private:
  static constexpr std::uint64_t kFirstPlain = 1 << 20;
  static constexpr std::size_t kFirstRung = 1;
  void judge_link(Time now, Duration held_up) noexcept;

  bool sampling_ = true;
  std::uint64_t plain_left_ = 0;            // until the next sample
  std::uint64_t next_plain_ = kFirstPlain;  // behind the next sample that does not shrink
  std::size_t rung_ = kFirstRung;
  std::uint64_t content_ = 0;  // that was packed since the link was judged
  Time judged_{};
  Duration held_up_{};
};

}  // namespace farhand
