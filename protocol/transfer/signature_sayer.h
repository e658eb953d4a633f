// SignatureSayer: says signatures behind the verdicts that announce them, and keeps count of what they take at the
// sender.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/channel.h"
#include "protocol/limits.h"
#include "protocol/transfer/delta/signature_pieces.h"

namespace farhand {

class SignatureSayer {
 public:
  // A signature of this shape, whose verdict will be said in its turn. What it counts as until release().
  std::uint64_t add(const delta::Shape& shape);
  // More sums of the last one.
  void grow(const std::vector<std::uint32_t>& weak, const std::vector<std::uint64_t>& strong);
  // The content of its file has begun, or will not come.
  void release(std::uint64_t counted) noexcept { outstanding_ -= counted; }
  // Whether one more, of whatever size, keeps within what the sender allows.
  [[nodiscard]] bool has_room() const noexcept;

  // The next one's verdict has just been said: its pieces are next.
  void begin();
  // Says what is known while there is room. True: nothing is due before another verdict.
  bool say(Channel& channel);
  [[nodiscard]] bool idle() const noexcept { return waiting_.empty(); }
  void forget();

 private:
  std::deque<delta::Signature> waiting_;
  std::optional<delta::SignatureWriter> writer_;  // of the first
  std::uint64_t outstanding_ = 0;
};

}  // namespace farhand
