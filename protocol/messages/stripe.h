// Messages about a stretch of a large file, which goes over a connection of its own: the requests stripe (up) and slice
// (down). What follows them are frames of a job: verdicts, part, close, finish.
//
// Format: protocol/README.md, "A stretch of a file".
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "common/result.h"
#include "protocol/messages/job.h"

namespace farhand {

// Which file, as it was when it was listed, and which bytes of it.
struct Stretch {
  std::uint64_t size = 0;      // of the file
  std::uint64_t occupied = 0;  // of that what is no hole
  std::int64_t modified_seconds = 0;
  std::uint32_t modified_nanoseconds = 0;  // below 10^9
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // 1 to kMaxStripe, within the file

  [[nodiscard]] std::uint64_t end() const noexcept { return offset + length; }
};

struct StripeRequest {
  std::string to;  // as in PushRequest
  Placement placement = Placement::kInto;
  std::string path;  // the file's entry in that job
  Stretch stretch;
};

struct SliceRequest {
  std::string path;  // as in PullRequest: of the file itself
  Stretch stretch;
};

std::string encode(const StripeRequest& message);
std::string encode(const SliceRequest& message);
Result<StripeRequest> decode_stripe(Bytes bytes);
Result<SliceRequest> decode_slice(Bytes bytes);

}  // namespace farhand
